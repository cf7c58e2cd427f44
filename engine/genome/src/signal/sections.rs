//! A block of values of a BigWig file.

use super::bbi::Fields;

/// How a section lays its values out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Start, end and value each.
    BedGraph,
    /// Start and value each, all of one width.
    VariableStep,
    /// Values at equal distances.
    FixedStep,
}

/// Values of a stretch of one contig.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    pub(super) contig: u32,
    start_bp: u32,
    step_bp: u32,
    span_bp: u32,
    layout: Layout,
    items: Fields<'a>,
    count: u16,
}

impl<'a> Section<'a> {
    /// Reads the head and checks that the items are all there.
    pub(super) fn parse(mut fields: Fields<'a>) -> Result<Self, &'static str> {
        let head = Self::parse_head(&mut fields).ok_or("the head of a block is cut short")?;
        let (mut section, layout) = head;
        let item_bytes = match layout {
            1 => 12,
            2 => 8,
            3 => 4,
            _ => return Err("a block is of an unknown kind"),
        };
        section.layout = [Layout::BedGraph, Layout::VariableStep, Layout::FixedStep][usize::from(layout) - 1];
        if fields.rest().len() != usize::from(section.count) * item_bytes {
            return Err("a block holds more or fewer values than it says");
        }
        section.items = fields;
        Ok(section)
    }

    fn parse_head(fields: &mut Fields<'a>) -> Option<(Self, u8)> {
        let contig = fields.u32()?;
        let (start_bp, _end_bp) = (fields.u32()?, fields.u32()?);
        let (step_bp, span_bp) = (fields.u32()?, fields.u32()?);
        let (layout, _, count) = (fields.u8()?, fields.u8()?, fields.u16()?);
        let section = Self { contig, start_bp, step_bp, span_bp, layout: Layout::BedGraph, items: *fields, count };
        Some((section, layout))
    }

    /// Gives `visit` start, end and value of each item; a place that no contig has comes out as an empty stretch.
    pub(super) fn each<E>(&self, mut visit: impl FnMut(u32, u32, f32) -> Result<(), E>) -> Result<(), E> {
        let end_of = |start_bp: u32| start_bp.checked_add(self.span_bp);
        let mut items = self.items;
        let mut next_bp = Some(self.start_bp);
        for _ in 0..self.count {
            let (start_bp, end_bp) = match self.layout {
                Layout::BedGraph => (items.u32(), items.u32()),
                Layout::VariableStep => items.u32().map_or((None, None), |start_bp| (Some(start_bp), end_of(start_bp))),
                Layout::FixedStep => (next_bp, next_bp.and_then(end_of)),
            };
            next_bp = next_bp.and_then(|start_bp| start_bp.checked_add(self.step_bp));
            let value = items.f32().unwrap_or(f32::NAN);
            visit(start_bp.unwrap_or(u32::MAX), end_bp.unwrap_or(0), value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(layout: u8, count: u16, items: &[u32]) -> Vec<u8> {
        let mut bytes: Vec<u8> = [7_u32, 100, 200, 10, 5].iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend([layout, 0]);
        bytes.extend(count.to_le_bytes());
        bytes.extend(items.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    fn items(bytes: &[u8]) -> Result<Vec<(u32, u32, f32)>, &'static str> {
        let mut all = Vec::new();
        let section = Section::parse(Fields::new(bytes, false))?;
        section.each(|start, end, value| {
            all.push((start, end, value));
            Ok::<(), &'static str>(())
        })?;
        Ok(all)
    }

    #[test]
    fn the_three_layouts_say_the_same() {
        let (one, two) = (1_f32.to_bits(), 2_f32.to_bits());
        let wanted = vec![(100, 105, 1.0), (110, 115, 2.0)];
        assert_eq!(items(&section(1, 2, &[100, 105, one, 110, 115, two])), Ok(wanted.clone()), "bedGraph");
        assert_eq!(items(&section(2, 2, &[100, one, 110, two])), Ok(wanted.clone()), "variableStep");
        assert_eq!(items(&section(3, 2, &[one, two])), Ok(wanted), "fixedStep");
    }

    #[test]
    fn sections_that_cannot_be_are_refused() {
        assert!(items(&section(4, 1, &[0])).is_err(), "unknown kind");
        assert!(items(&section(3, 2, &[0])).is_err(), "a value is missing");
        assert!(items(&section(3, 1, &[0, 0])).is_err(), "a value too many");
        assert!(items(&section(3, 0, &[])[..20]).is_err(), "no head");
    }
}
