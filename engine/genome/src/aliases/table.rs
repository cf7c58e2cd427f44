//! Tables of names that the user gives.

use std::path::Path;

use super::{Aliases, Rank, quoted};
use crate::{
    GenomeError, Hooks, Row, RowStatus, Rows,
    annotation::Lines,
    error::{Place, shortened},
};

impl Aliases {
    /// Adds the names of a table: tab-separated, all names of one line are one contig, `#` begins a head line.
    ///
    /// `chromAlias.txt` of UCSC is such a table. A line without any contig of this reference is left out; so is one
    /// that would give a name to two contigs, with the reason in its row.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or no line of it holds a contig of this reference.
    pub fn add_table(&mut self, path: &Path) -> Result<Rows, GenomeError> {
        let mut lines = Lines::open(path)?;
        let mut rows = Rows { warnings: lines.warnings().to_vec(), ..Rows::default() };
        let mut strangers = 0_u64;
        while let Some((line, text)) = lines.next(&mut Hooks::default())? {
            let text = String::from_utf8_lossy(text);
            if text.starts_with('#') || text.trim().is_empty() {
                continue;
            }
            let names: Vec<&str> = text.split('\t').map(str::trim).filter(|name| !name.is_empty()).collect();
            match self.add_names(&names) {
                Ok(Some(contig)) => rows.rows.push(row(line, self.contigs[contig].name.clone(), RowStatus::Ok, "")),
                Ok(None) => strangers += 1,
                Err(reason) => {
                    let remedy = "mend the line or take it out".to_owned();
                    let status = RowStatus::Refused { status: "unknown_contig".to_owned(), reason, remedy };
                    rows.rows.push(row(line, String::new(), status, &text));
                }
            }
        }
        if rows.rows.is_empty() {
            let reason = "no line holds the name of a contig of this reference";
            let remedy = "give a table whose lines are the names of one contig each, with tabs between them";
            return Err(GenomeError::unusable(path, Place::Whole, reason, remedy));
        }
        if strangers > 0 {
            rows.warnings.push(format!("{strangers} lines name no contig of this reference and were left out."));
        }
        Ok(rows)
    }

    /// Gives all of `names` to the contig that bears one of them; none if no contig does.
    fn add_names(&mut self, names: &[&str]) -> Result<Option<usize>, String> {
        let mut bearers: Vec<usize> = names.iter().filter_map(|name| self.own(name)).collect();
        bearers.sort_unstable();
        bearers.dedup();
        match bearers[..] {
            [] => Ok(None),
            [contig] => {
                for name in names {
                    self.add(name, contig, Rank::Table);
                }
                Ok(Some(contig))
            }
            _ => Err(format!("the line holds several contigs of the reference: {}", quoted(&self.contigs, &bearers))),
        }
    }
}

fn row(line: u64, contig: String, status: RowStatus, text: &str) -> Row {
    Row { line, contig, start: None, end: None, reference: None, alternate: None, status, text: shortened(text) }
}
