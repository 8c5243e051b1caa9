//! Results for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::registry::{Collected, Copied, Reindexed, Settled, Usage, Verified};

/// A result that can be shown.
pub(super) trait Show {
    /// For people, with a line end.
    fn text(&self) -> String;

    /// Whether the answer is yes.
    fn is_fine(&self) -> bool {
        true
    }
}

/// What a collector did, or would do.
#[derive(Serialize)]
pub(super) struct Gc {
    pub(super) dry_run: bool,
    #[serde(flatten)]
    pub(super) collected: Collected,
}

impl Show for Gc {
    fn text(&self) -> String {
        let Collected { blobs, links, manifests, uploads, bytes, condemned, condemned_bytes, rescued, alive } =
            &self.collected;
        let done = if self.dry_run { "would delete" } else { "deleted" };
        let mut text = format!(
            "{done} {} with {}, and {}: {}\n",
            count(*blobs, "blob", "blobs"),
            count(*links, "link", "links"),
            count(*uploads, "unfinished upload", "unfinished uploads"),
            size(*bytes)
        );
        if *manifests > 0 {
            let removed = if self.dry_run { "would remove" } else { "removed" };
            let _ = writeln!(text, "{removed} {}", count(*manifests, "untagged manifest", "untagged manifests"));
        }
        if *rescued > 0 {
            let _ = writeln!(text, "{} used at the last moment, and kept", count(*rescued, "was", "were"));
        }
        let condemned = count(*condemned, "blob is condemned", "blobs are condemned");
        let _ = writeln!(text, "{condemned} ({}), {alive} are in use", size(*condemned_bytes));
        text
    }
}

impl Show for Verified {
    fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let kind = match (finding.repaired, finding.damage.is_harmful()) {
                (true, _) => "repaired",
                (false, true) => "damage",
                (false, false) => "note",
            };
            let _ = writeln!(text, "{kind}: {}\n  {}", crate::cli::render::visible(&finding.path), finding.damage);
            if !finding.repaired {
                let _ = writeln!(text, "  {}", finding.damage.consequence());
            }
        }
        let _ = writeln!(
            text,
            "read {} ({}) and {}: {} found, {} left",
            count(self.blobs, "blob", "blobs"),
            size(self.bytes),
            count(self.links, "link", "links"),
            count(self.findings.len() as u64, "thing", "things"),
            count(self.remaining() as u64, "damage", "damages"),
        );
        text
    }

    fn is_fine(&self) -> bool {
        self.remaining() == 0
    }
}

impl Show for Reindexed {
    fn text(&self) -> String {
        let removed = count(self.removed, "entry that led nowhere", "entries that led nowhere");
        format!("indexed {}, removed {removed}\n", count(self.images, "image", "images"))
    }
}

impl Show for Settled {
    fn text(&self) -> String {
        let mut text =
            format!("{} brought to the final key: {}\n", count(self.blobs, "blob", "blobs"), size(self.bytes));
        for digest in &self.damaged {
            let _ = writeln!(text, "damage: {digest} is not whole; `portolan storage verify` tells more");
        }
        text
    }

    fn is_fine(&self) -> bool {
        self.damaged.is_empty()
    }
}

impl Show for Copied {
    fn text(&self) -> String {
        let mut text = format!(
            "copied {} ({}) and {}; {} there already\n",
            count(self.blobs, "blob", "blobs"),
            size(self.bytes),
            count(self.links, "link", "links"),
            count(self.skipped, "blob was", "blobs were"),
        );
        for digest in &self.damaged {
            let _ = writeln!(text, "damage: {digest} has other bytes, or not all, and was not copied");
        }
        for name in &self.missing {
            let _ = writeln!(text, "missing: {name} was not copied, since what is behind it is not there");
        }
        for tag in &self.kept {
            let _ = writeln!(text, "kept: {tag} points elsewhere in the target (`--replace-tags` moves it)");
        }
        text
    }

    fn is_fine(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty() && self.kept.is_empty()
    }
}

impl Show for Usage {
    fn text(&self) -> String {
        let mut text = format!("{:>10}  {:>10}  {:>9}  image\n", "bytes", "own", "manifests");
        for image in &self.images {
            let (all, own) = (size(image.bytes), size(image.own_bytes));
            let _ = writeln!(text, "{all:>10}  {own:>10}  {:>9}  {}", image.manifests, image.image);
        }
        let _ = writeln!(
            text,
            "{} in {}: {} shared by images, {} linked by none",
            size(self.bytes),
            count(self.blobs, "blob", "blobs"),
            size(self.shared_bytes),
            size(self.unlinked_bytes)
        );
        text
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A number of bytes as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let all = [0, 1023, 1024, 1536, 5 << 20, 3 << 40].map(size);
        assert_eq!(all, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 TiB"]);
    }

    #[test]
    fn a_run_is_told_in_words() {
        let collected = Collected { blobs: 1, links: 2, bytes: 2048, condemned: 3, alive: 4, ..Collected::default() };
        let gc = Gc { dry_run: true, collected };
        assert_eq!(
            gc.text(),
            "would delete 1 blob with 2 links, and 0 unfinished uploads: 2.0 KiB\n\
             3 blobs are condemned (0 B), 4 are in use\n"
        );
    }
}
