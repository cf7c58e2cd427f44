//! Reliability curves: how often a head is right where it gives a score.

use egui::{Color32, ComboBox, Id, Role, Stroke, Ui, WidgetInfo};
use strandscope_worker::{
    card::{Calibration, CalibrationBin, HeadCard},
    genome::grouped,
};

use super::{controls, plot::Square};
use crate::{
    state::State,
    theme::{self, Palette},
};

/// How near the pointer must be to a point to read it, in points.
const REACH: f32 = 12.0;

pub(crate) fn ui(ui: &mut Ui, state: &State, card: &HeadCard) {
    controls::section(ui, "Can its scores be taken at their word?");
    let Some(data) = picked_data(ui, card) else { return };
    let palette = Palette::of(ui);
    let curves = card.calibration.iter().filter(|curve| curve.data == data && state.is_label_shown(&curve.label));
    let coloured: Vec<_> = curves
        .map(|curve| {
            let index = card.labels.iter().position(|label| label.name == curve.label).unwrap_or(0);
            (curve, palette.track(index))
        })
        .collect();
    let square = Square::new(ui, "Share that was right, against the score");
    let dashes = egui::Shape::dashed_line(
        &[square.at(0.0, 0.0), square.at(1.0, 1.0)],
        Stroke::new(1.0, palette.faint),
        4.0,
        4.0,
    );
    square.painter.extend(dashes);
    for &(curve, colour) in &coloured {
        draw(&square, curve, colour, palette.canvas);
    }
    if let Some((curve, bin)) = pointed_at(&square, &coloured) {
        square.response.clone().on_hover_text_at_pointer(told(curve, bin));
    }
    controls::note(ui, "On the dashes, a score of 0.8 holds 8 times in 10. Whiskers: 95 % intervals.");
    let common: Vec<String> = coloured.iter().map(|(curve, _)| how_common(curve)).collect();
    if !common.is_empty() {
        let common = common.join(", ");
        let text = format!(
            "Of these sequences {common}. Where fewer are, as along a chromosome, the same score holds less often."
        );
        controls::note(ui, text);
    }
}

/// The data set that is shown, to be picked where there are several.
fn picked_data<'a>(ui: &mut Ui, card: &'a HeadCard) -> Option<&'a str> {
    let mut sets: Vec<&str> = card.calibration.iter().map(|curve| curve.data.as_str()).collect();
    sets.dedup();
    let first = *sets.first()?;
    if sets.len() == 1 {
        controls::note(ui, first);
        return Some(first);
    }
    let id = Id::unique(("reliability", &card.name));
    let kept: usize = ui.data(|data| data.get_temp(id)).unwrap_or(0);
    let mut picked = kept.min(sets.len() - 1);
    let combo = ComboBox::from_id_salt(id)
        .width(ui.available_width())
        .truncate()
        .icon(controls::list_arrow)
        .show_index(ui, &mut picked, sets.len(), |index| sets[index]);
    combo.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Measured on"));
    ui.data_mut(|data| data.insert_temp(id, picked));
    Some(sets[picked])
}

fn draw(square: &Square, curve: &Calibration, colour: Color32, ground: Color32) {
    square.line(curve.bins.iter().map(|bin| (bin.probability, bin.share)), Stroke::new(1.5, colour));
    for bin in &curve.bins {
        let (low, high) = interval(bin);
        let whisker = [square.at(bin.probability, low), square.at(bin.probability, high)];
        square.painter.line_segment(whisker, Stroke::new(1.0, theme::towards(colour, ground, 0.4)));
        square.painter.circle_filled(square.at(bin.probability, bin.share), 3.0, colour);
    }
}

fn pointed_at<'a>(
    square: &Square,
    curves: &[(&'a Calibration, Color32)],
) -> Option<(&'a Calibration, &'a CalibrationBin)> {
    let pointer = square.response.hover_pos()?;
    let points = curves.iter().flat_map(|(curve, _)| curve.bins.iter().map(move |bin| (*curve, bin)));
    let distance = |bin: &CalibrationBin| square.at(bin.probability, bin.share).distance(pointer);
    points
        .filter(|(_, bin)| distance(bin) <= REACH)
        .min_by(|(_, left), (_, right)| distance(left).total_cmp(&distance(right)))
}

/// Wilson's 95 % interval of a share (1927).
fn interval(bin: &CalibrationBin) -> (f64, f64) {
    const Z: f64 = 1.96;
    let n = bin.n as f64;
    let centre = bin.share + Z * Z / (2.0 * n);
    let spread = Z * (bin.share * (1.0 - bin.share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    ((centre - spread) / scale, (centre + spread) / scale)
}

/// Rows of a bin that have the label.
fn with_label(bin: &CalibrationBin) -> f64 {
    (bin.share * bin.n as f64).round()
}

fn told(curve: &Calibration, bin: &CalibrationBin) -> String {
    let (low, high) = interval(bin);
    format!(
        "Scored {:.2} as {}, on average: {} of {} were ({:.0} %; 95 % interval {:.0} to {:.0} %)",
        bin.probability,
        curve.label,
        with_label(bin),
        grouped(bin.n),
        100.0 * bin.share,
        100.0 * low,
        100.0 * high,
    )
}

/// How common a label is in the data, on which the whole curve depends.
fn how_common(curve: &Calibration) -> String {
    let rows: u64 = curve.bins.iter().map(|bin| bin.n).sum();
    let with: f64 = curve.bins.iter().map(with_label).sum();
    format!("{:.0} % are {}", 100.0 * with / rows.max(1) as f64, curve.label)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 10, 8: from 0.490 to 0.943 (Wilson 1927, as R's `prop.test` without correction has it).
    #[test]
    fn interval_of_eight_in_ten() {
        let (low, high) = interval(&CalibrationBin { probability: 0.8, share: 0.8, n: 10 });
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        let (low, high) = interval(&CalibrationBin { probability: 1.0, share: 1.0, n: 3 });
        assert!((low - 0.4385).abs() < 1e-4 && (high - 1.0).abs() < 1e-12, "{low} {high}");
    }
}
