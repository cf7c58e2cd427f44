//! Icons, drawn as lines so that they are sharp at any scale.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2};

/// A small picture on a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Open,
    Save,
    Back,
    Forward,
    Plus,
    Minus,
    Fit,
    Contrast,
    Question,
    Close,
    Copy,
    /// A star, and the outline of one.
    Star,
    Hollow,
    /// Three dots.
    More,
    /// Two arrows in opposite directions.
    TurnRound,
    /// Two columns.
    Columns,
    /// A drawing pin.
    Pin,
}

/// Draws `icon` into the middle of `rect`, on a grid of 16 by 16.
pub(crate) fn paint(painter: &Painter, rect: Rect, icon: Icon, colour: Color32) {
    let grid = Rect::from_center_size(rect.center(), Vec2::splat(16.0));
    let at = |x: f32, y: f32| pos2(grid.left() + x, grid.top() + y);
    let stroke = Stroke::new(1.4, colour);
    let line = |points: &[(f32, f32)]| {
        let points: Vec<Pos2> = points.iter().map(|&(x, y)| at(x, y)).collect();
        painter.add(Shape::line(points, stroke));
    };
    let frame = |x: f32, y: f32, w: f32, h: f32| {
        painter.rect_stroke(Rect::from_min_size(at(x, y), Vec2::new(w, h)), 1.5, stroke, StrokeKind::Middle);
    };
    match icon {
        Icon::Star | Icon::Hollow => {
            let point = |corner: u8| {
                let radius = if corner.is_multiple_of(2) { 6.5 } else { 2.8 };
                let angle = f32::from(corner) * std::f32::consts::PI / 5.0;
                at(8.0 + radius * angle.sin(), 8.2 - radius * angle.cos())
            };
            let points: Vec<Pos2> = (0..10).map(point).collect();
            painter.add(Shape::closed_line(points.clone(), stroke));
            if icon == Icon::Star {
                // A star is not convex: it is filled from its middle.
                for pair in 0..10 {
                    let corners = vec![at(8.0, 8.2), points[pair], points[(pair + 1) % 10]];
                    painter.add(Shape::convex_polygon(corners, colour, Stroke::NONE));
                }
            }
        }
        Icon::More => {
            for x in [3.0, 8.0, 13.0] {
                painter.circle_filled(at(x, 8.0), 1.3, colour);
            }
        }
        Icon::TurnRound => {
            line(&[(2.0, 5.5), (13.5, 5.5)]);
            line(&[(10.5, 2.5), (13.8, 5.5), (10.5, 8.0)]);
            line(&[(14.0, 11.0), (2.5, 11.0)]);
            line(&[(5.5, 8.2), (2.2, 11.0), (5.5, 14.0)]);
        }
        Icon::Columns => {
            frame(1.5, 3.0, 5.5, 10.0);
            frame(9.0, 3.0, 5.5, 10.0);
        }
        Icon::Pin => {
            line(&[(4.8, 2.2), (11.2, 2.2)]);
            line(&[(6.0, 2.2), (6.0, 6.5), (3.8, 9.2), (12.2, 9.2), (10.0, 6.5), (10.0, 2.2)]);
            line(&[(8.0, 9.2), (8.0, 14.0)]);
        }
        Icon::Open => {
            line(&[(1.5, 12.5), (1.5, 3.5), (6.0, 3.5), (7.5, 5.2), (13.5, 5.2), (13.5, 7.5)]);
            line(&[(1.5, 12.9), (3.8, 7.5), (15.0, 7.5), (12.9, 12.9), (1.5, 12.9)]);
        }
        Icon::Save => {
            line(&[(8.0, 2.0), (8.0, 10.0)]);
            line(&[(4.8, 7.0), (8.0, 10.2), (11.2, 7.0)]);
            line(&[(2.5, 10.5), (2.5, 13.5), (13.5, 13.5), (13.5, 10.5)]);
        }
        Icon::Back => line(&[(9.8, 3.5), (5.3, 8.0), (9.8, 12.5)]),
        Icon::Forward => line(&[(6.2, 3.5), (10.7, 8.0), (6.2, 12.5)]),
        Icon::Plus => {
            line(&[(8.0, 3.5), (8.0, 12.5)]);
            line(&[(3.5, 8.0), (12.5, 8.0)]);
        }
        Icon::Minus => line(&[(3.5, 8.0), (12.5, 8.0)]),
        Icon::Fit => {
            line(&[(2.0, 3.5), (2.0, 12.5)]);
            line(&[(14.0, 3.5), (14.0, 12.5)]);
            line(&[(4.0, 8.0), (12.0, 8.0)]);
            line(&[(6.0, 5.8), (3.8, 8.0), (6.0, 10.2)]);
            line(&[(10.0, 5.8), (12.2, 8.0), (10.0, 10.2)]);
        }
        Icon::Contrast => {
            painter.circle_stroke(at(8.0, 8.0), 5.6, stroke);
            let half = (-8..=8).map(|step| {
                let angle = std::f32::consts::FRAC_PI_2 * step as f32 / 8.0;
                at(8.0 + 5.6 * angle.cos(), 8.0 + 5.6 * angle.sin())
            });
            painter.add(Shape::convex_polygon(half.collect(), colour, Stroke::NONE));
        }
        Icon::Question => {
            painter.circle_stroke(at(8.0, 8.0), 6.4, stroke);
            line(&[
                (5.9, 6.4),
                (6.3, 5.1),
                (7.4, 4.4),
                (8.7, 4.4),
                (9.8, 5.2),
                (10.0, 6.4),
                (9.3, 7.5),
                (8.2, 8.2),
                (8.0, 9.4),
            ]);
            painter.circle_filled(at(8.0, 11.4), 0.9, colour);
        }
        Icon::Close => {
            line(&[(4.0, 4.0), (12.0, 12.0)]);
            line(&[(12.0, 4.0), (4.0, 12.0)]);
        }
        Icon::Copy => {
            frame(5.5, 5.5, 8.0, 8.0);
            line(&[(3.8, 10.5), (2.5, 10.5), (2.5, 2.5), (10.5, 2.5), (10.5, 3.8)]);
        }
    }
}
