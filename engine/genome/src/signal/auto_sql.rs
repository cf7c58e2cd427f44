//! autoSql: what a BigBed file says of its columns.

/// Names of the columns of BED from the fourth on.
const BED_COLUMNS: [&str; 9] =
    ["name", "score", "strand", "thickStart", "thickEnd", "itemRgb", "blockCount", "blockSizes", "blockStarts"];

/// Names for `count` columns from the fourth on, and how many of them mean what they mean in BED.
///
/// `defined` is how many columns of all the file says are those of BED. Some programs say so of every column: where
/// columns have names, those have to be the names of BED, save that the fourth may be called otherwise.
pub(super) fn column_names(auto_sql: &str, count: usize, defined: usize) -> (Vec<String>, usize) {
    let said: Vec<String> = field_names(auto_sql).into_iter().skip(3).collect();
    let is_bed = |(index, name): &(usize, &String)| is_bed_column(*index, name) || (*index == 0 && defined > 3);
    let alike = said.iter().enumerate().take_while(is_bed).count();
    let bed = if said.is_empty() { defined.saturating_sub(3) } else { alike };
    let bed = bed.min(count).min(BED_COLUMNS.len());
    let name = |index: usize| {
        let known = BED_COLUMNS.get(index).filter(|_| index < bed).map(|name| (*name).to_owned());
        said.get(index).cloned().or(known).unwrap_or_else(|| format!("field{}", index + 4))
    };
    ((0..count).map(name).collect(), bed)
}

/// Whether a file that names column `index` behind the third so means the column of BED.
fn is_bed_column(index: usize, name: &str) -> bool {
    let other_names: &[&str] = match index {
        5 => &["reserved", "color", "rgb"],
        8 => &["chromStarts", "blockRelStarts"],
        _ => &[],
    };
    BED_COLUMNS.get(index).into_iter().chain(other_names).any(|known| known.eq_ignore_ascii_case(name))
}

/// The names of all fields, in order; none where the text cannot be read.
fn field_names(auto_sql: &str) -> Vec<String> {
    let text = without_comments(auto_sql);
    let Some((_, fields)) = text.split_once('(') else { return Vec::new() };
    let fields = fields.rsplit_once(')').map_or(fields, |(fields, _)| fields);
    fields.split(';').filter_map(field_name).collect()
}

/// The second word of `int[blockCount] blockSizes`, without what stands in brackets.
fn field_name(field: &str) -> Option<String> {
    let mut depth = 0_u32;
    let outside = field.chars().filter(|letter| {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    outside.collect::<String>().split_whitespace().nth(1).map(str::to_owned)
}

/// Takes out what stands in double quotes.
fn without_comments(text: &str) -> String {
    text.split('"').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read(text in "[a-z();\"\\[\\] \n]{0,80}", count in 0_usize..30, defined in 0_usize..40) {
            let (names, bed) = column_names(&text, count, defined);
            prop_assert_eq!(names.len(), count, "a name for each");
            prop_assert!(bed <= count, "no more than there are");
        }
    }

    const PEAKS: &str = "table peaks\n\"Peaks; called (so)\"\n(\nstring chrom; \"Contig\"\nuint chromStart; \"Start; 0-based\"\n\
        uint chromEnd;\nstring name; \"Name\"\nuint score;\nchar[1] strand;\nfloat signalValue; \"of ChIP\"\n\
        enum (low, high) class; \"Class\"\nint[ 2 ] pair;\n)\n";

    #[test]
    fn columns_behind_those_of_bed_keep_their_names() {
        let (names, bed) = column_names(PEAKS, 6, 6);
        assert_eq!(names, ["name", "score", "strand", "signalValue", "class", "pair"], "as the file has them");
        assert_eq!(bed, 3, "three of BED");
        assert_eq!(column_names(PEAKS, 6, 0).1, 3, "known by their names");
        assert_eq!(column_names(PEAKS, 6, 9).1, 3, "whatever the file says of the others");
    }

    #[test]
    fn files_that_say_nothing_have_the_columns_they_define() {
        let (names, bed) = column_names("", 4, 5);
        assert_eq!((names.join(" "), bed), ("name score field6 field7".to_owned(), 2), "two of BED, two unknown");
    }
}
