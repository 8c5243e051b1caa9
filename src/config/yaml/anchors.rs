//! What aliases stand for, within a budget.

use std::collections::HashMap;

use super::{ALIAS_BYTES_MAX, ALIAS_NODES_MAX, DEPTH_MAX, Node, ProblemKind, Value};

/// A node that has an anchor, with its measures.
struct Anchored<'t> {
    node: Node<'t>,
    size: Size,
    depth: usize,
}

/// How much a copy of a node takes. A long text counts wherever it is kept: what is made of it is a copy for
/// each alias, too.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text_bytes: usize,
}

/// The anchors of a document.
#[derive(Default)]
pub(super) struct Anchors<'t> {
    by_id: HashMap<usize, Anchored<'t>>,
    copied: Size,
}

impl<'t> Anchors<'t> {
    /// Remembers a finished node. The copy counts: anchors within anchors multiply as aliases do.
    pub(super) fn define(&mut self, id: usize, node: &Node<'t>) -> Result<(), ProblemKind> {
        let (size, depth) = measure(node);
        self.count(size)?;
        self.by_id.insert(id, Anchored { node: node.clone(), size, depth });
        Ok(())
    }

    fn count(&mut self, size: Size) -> Result<(), ProblemKind> {
        self.copied.nodes += size.nodes;
        self.copied.text_bytes += size.text_bytes;
        let is_too_much = self.copied.nodes > ALIAS_NODES_MAX || self.copied.text_bytes > ALIAS_BYTES_MAX;
        if is_too_much { Err(ProblemKind::TooManyAliases) } else { Ok(()) }
    }

    /// What an alias stands for, at a depth.
    pub(super) fn expand(&mut self, id: usize, depth: usize) -> Result<Node<'t>, ProblemKind> {
        // The parser knows the anchor; where its node is not finished, the alias is inside it.
        let (size, below) = self.by_id.get(&id).map(|it| (it.size, it.depth)).ok_or(ProblemKind::AliasInItself)?;
        if depth + below > DEPTH_MAX {
            return Err(ProblemKind::TooDeep);
        }
        self.count(size)?;
        self.by_id.get(&id).map(|anchored| anchored.node.clone()).ok_or(ProblemKind::AliasInItself)
    }
}

/// How large a node is, and how deeply it is nested. The tree's depth is bounded, and so is the recursion.
fn measure(node: &Node<'_>) -> (Size, usize) {
    let join = |(size, depth): (Size, usize), child: &Node<'_>| {
        let (more, below) = measure(child);
        let size = Size { nodes: size.nodes + more.nodes, text_bytes: size.text_bytes + more.text_bytes };
        (size, depth.max(below + 1))
    };
    let list = (Size { nodes: 1, text_bytes: 0 }, 1);
    match &node.value {
        Value::Scalar(scalar) => (Size { nodes: 1, text_bytes: scalar.text.len() }, 0),
        Value::Sequence(items) => items.iter().fold(list, join),
        Value::Mapping(pairs) => pairs.iter().fold(list, |sum, (key, value)| join(join(sum, key), value)),
    }
}
