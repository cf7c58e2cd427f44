//! `tokenize`: sequences as the model sees them.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde_json::{Value, json};
use strandscope_worker::{
    Outcome, Task, Token, TokenizeRequest,
    genome::{Region, tsv_cell},
};

use crate::{
    args::{ModelArg, OutputArgs},
    failure::Result,
    input::Input,
    output::{TextOutput, provenance_object},
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
        let mut out = TextOutput::open(&self.output)?;
        let genome = session.open_genome(&input)?;
        for (index, contig) in genome.contigs.iter().enumerate() {
            let region = Region::new(&contig.name, 0, contig.length_bp);
            let task = Task::Tokenize(TokenizeRequest {
                genome: input.path().to_owned(),
                region,
                model: self.model.model.clone(),
            });
            let done = session.run("tokenize", task).map_err(|failure| input.rename(failure))?;
            let Outcome::Tokens { tokens, .. } = done.outcome else { return Err(unexpected(&done.outcome)) };
            let record = done.record.map(|record| input.rename_record(record));
            let provenance = session.provenance(&self.output, record.as_ref());
            if self.json {
                write_json(out.stream(), &contig.name, &tokens, &provenance)?;
            } else {
                if index == 0 {
                    out.header(&provenance)?;
                    out.line("contig\tstart\tend\tid\ttoken")?;
                }
                write_rows(out.stream(), &contig.name, &tokens)?;
            }
        }
        out.finish()
    }
}

/// One object on a line of its own, written token by token: as one JSON value, a chromosome would not fit in memory.
fn write_json(out: &mut impl Write, contig: &str, tokens: &[Token], provenance: &[(String, String)]) -> io::Result<()> {
    write!(out, "{{\"name\":{}", json!(contig))?;
    write_list(out, "ids", tokens, |token| token.id.into())?;
    write_list(out, "tokens", tokens, |token| token.text.as_str().into())?;
    write_list(out, "spans", tokens, |token| json!(token.span))?;
    if !provenance.is_empty() {
        write!(out, ",\"provenance\":{}", provenance_object(provenance))?;
    }
    writeln!(out, "}}")
}

/// What `item` takes of each token, as another member of an object.
fn write_list(out: &mut impl Write, name: &str, tokens: &[Token], item: impl Fn(&Token) -> Value) -> io::Result<()> {
    write!(out, ",\"{name}\":[")?;
    for (index, token) in tokens.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}{}", item(token))?;
    }
    write!(out, "]")
}

fn write_rows(out: &mut impl Write, contig: &str, tokens: &[Token]) -> io::Result<()> {
    let contig = tsv_cell(contig);
    for Token { id, text, span } in tokens {
        match span {
            Some((start_bp, end_bp)) => writeln!(out, "{contig}\t{}\t{end_bp}\t{id}\t{text}", start_bp + 1)?,
            None => writeln!(out, "{contig}\t.\t.\t{id}\t{text}")?,
        }
    }
    Ok(())
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
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let mut json = Vec::new();
        write_json(&mut json, "chr\"1", &tokens(), &[("program".into(), "p".into())]).unwrap();
        assert_eq!(
            text(json),
            concat!(
                r#"{"name":"chr\"1","ids":[2,40],"tokens":["[CLS]","ACGT"],"spans":[null,[0,4]],"#,
                r#""provenance":{"program":"p"}}"#,
                "\n"
            ),
            "JSON"
        );
        let mut rows = Vec::new();
        write_rows(&mut rows, "chr1", &tokens()).unwrap();
        assert_eq!(text(rows), "chr1\t.\t.\t2\t[CLS]\nchr1\t1\t4\t40\tACGT\n", "table");
    }
}
