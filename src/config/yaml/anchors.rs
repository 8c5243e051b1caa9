//! What aliases stand for, within a budget.

use std::collections::HashMap;

use super::{ALIAS_NODES_MAX, DEPTH_MAX, Node, ProblemKind, Value};

/// A node that has an anchor, with its measures.
struct Anchored<'t> {
    node: Node<'t>,
    nodes: usize,
    depth: usize,
}

/// The anchors of a document.
#[derive(Default)]
pub(super) struct Anchors<'t> {
    by_id: HashMap<usize, Anchored<'t>>,
    copied: usize,
}

impl<'t> Anchors<'t> {
    /// Remembers a finished node. The copy counts: anchors within anchors multiply as aliases do.
    pub(super) fn define(&mut self, id: usize, node: &Node<'t>) -> Result<(), ProblemKind> {
        let (nodes, depth) = measure(node);
        self.count(nodes)?;
        self.by_id.insert(id, Anchored { node: node.clone(), nodes, depth });
        Ok(())
    }

    fn count(&mut self, nodes: usize) -> Result<(), ProblemKind> {
        self.copied += nodes;
        if self.copied > ALIAS_NODES_MAX { Err(ProblemKind::TooManyAliases) } else { Ok(()) }
    }

    /// What an alias stands for, at a depth.
    pub(super) fn expand(&mut self, id: usize, depth: usize) -> Result<Node<'t>, ProblemKind> {
        // The parser knows the anchor; where its node is not finished, the alias is inside it.
        let (nodes, below) = self.by_id.get(&id).map(|it| (it.nodes, it.depth)).ok_or(ProblemKind::AliasInItself)?;
        if depth + below > DEPTH_MAX {
            return Err(ProblemKind::TooDeep);
        }
        self.count(nodes)?;
        self.by_id.get(&id).map(|anchored| anchored.node.clone()).ok_or(ProblemKind::AliasInItself)
    }
}

/// How many nodes a node is, and how deeply it is nested. The tree's depth is bounded, and so is the
/// recursion.
fn measure(node: &Node<'_>) -> (usize, usize) {
    let join = |(nodes, depth): (usize, usize), child: &Node<'_>| {
        let (more, below) = measure(child);
        (nodes + more, depth.max(below + 1))
    };
    match &node.value {
        Value::Scalar(_) => (1, 0),
        Value::Sequence(items) => items.iter().fold((1, 1), join),
        Value::Mapping(pairs) => pairs.iter().fold((1, 1), |sum, (key, value)| join(join(sum, key), value)),
    }
}
