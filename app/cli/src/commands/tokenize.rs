//! `tokenize`: sequences as the model sees them.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};
use strandscope_worker::{Outcome, RunRecord, Task, Token, TokenizeRequest, genome::Region};

use crate::{
    args::{ModelArg, OutputArgs},
    failure::Result,
    input::Input,
    output::{TextOutput, provenance},
    session::{Session, unexpected},
};

/// Cut sequences into the tokens of a model.
///
/// The table is `contig start end id token`, 1-based; special tokens have dots for places.
/// JSON has one object per record with 0-based half-open spans, null for special tokens.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sequences; - is standard input
    #[arg(value_name = "FASTA")]
    fasta: PathBuf,
    #[command(flatten)]
    model: ModelArg,
    /// One JSON object per record, one per line
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self, mut session: Session) -> Result<()> {
        let input = Input::open(&self.fasta)?;
        let genome = session.open_genome(&input)?;
        let mut out = TextOutput::open(&self.output)?;
        for (index, contig) in genome.contigs.iter().enumerate() {
            let region = Region::new(&contig.name, 0, contig.length_bp);
            let task = Task::Tokenize(TokenizeRequest {
                genome: input.path().to_owned(),
                region,
                model: self.model.model.clone(),
            });
            let done = session.run("tokenize", task).map_err(|failure| input.rename(failure))?;
            let Outcome::Tokens { tokens, .. } = done.outcome else { return Err(unexpected(&done.outcome)) };
            let record = done.record.filter(|_| !self.output.no_provenance).map(|record| input.rename_record(record));
            if self.json {
                out.line(&as_json(&contig.name, &tokens, record.as_ref()).to_string())?;
            } else {
                if index == 0 {
                    out.header(record.as_ref())?;
                    out.line("contig\tstart\tend\tid\ttoken")?;
                }
                out.text(&as_table(&contig.name, &tokens))?;
            }
        }
        out.finish()
    }
}

fn as_json(contig: &str, tokens: &[Token], record: Option<&RunRecord>) -> Value {
    let mut value = json!({
        "name": contig,
        "ids": tokens.iter().map(|token| token.id).collect::<Vec<_>>(),
        "tokens": tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>(),
        "spans": tokens.iter().map(|token| token.span).collect::<Vec<_>>(),
    });
    if let Some(record) = record {
        value["provenance"] = provenance(record);
    }
    value
}

fn as_table(contig: &str, tokens: &[Token]) -> String {
    let mut text = String::new();
    for Token { id, text: token, span } in tokens {
        let _ = match span {
            Some((start_bp, end_bp)) => writeln!(text, "{contig}\t{}\t{end_bp}\t{id}\t{token}", start_bp + 1),
            None => writeln!(text, "{contig}\t.\t.\t{id}\t{token}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Vec<Token> {
        vec![
            Token { id: 2, text: "[CLS]".into(), span: None },
            Token { id: 40, text: "ACGT".into(), span: Some((0, 4)) },
        ]
    }

    #[test]
    fn spans_are_zero_based_in_json_and_one_based_in_the_table() {
        assert_eq!(
            as_json("chr1", &tokens(), None).to_string(),
            r#"{"name":"chr1","ids":[2,40],"tokens":["[CLS]","ACGT"],"spans":[null,[0,4]]}"#,
            "JSON"
        );
        assert_eq!(as_table("chr1", &tokens()), "chr1\t.\t.\t2\t[CLS]\nchr1\t1\t4\t40\tACGT\n", "table");
    }
}
