//! Names a figure whose noise somebody wants to know.

/// A figure of a release, or of what is estimated from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a proof has these kinds")]
pub enum Wanted {
    /// The head count of a group, or of an arm.
    People,
    /// The sum of a measure in a cell, by the measure's place.
    Sum(usize),
    /// A product in a cell, by its place.
    Product(usize),
    /// The sum of a measure over the people of a group or an arm, by the measure's place and how many there are.
    Mean(usize, u32),
    /// The label sum of a training, or a count of its scores.
    Label,
    /// A step of a training.
    Step,
}
