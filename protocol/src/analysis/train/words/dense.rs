//! What a card says of a dense model: its weights where it is linear, its shape where it is a network.

use super::{called, read, weights};
use crate::{
    analysis::train::answer::{TrainAnswer, TrainedFeature, TrainedNetwork},
    page::{Block, Section, Term, Text, Topic},
};

/// What it is, in a sentence.
pub(super) fn made(network: &TrainedNetwork, features: &str) -> String {
    let layers = network.hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    match network.hidden.len() {
        0 => format!("It is linear, with a weight for each number of {features}."),
        1 => format!("It is a network of one hidden layer, of {layers} units, over {features}."),
        _ => format!("It is a network of two hidden layers, of {layers} units, over {features}."),
    }
}

/// Weights of a linear model, feature by feature; of a network what goes into it.
pub(super) fn sections(answer: &TrainAnswer, network: &TrainedNetwork) -> Vec<Section> {
    if !network.hidden.is_empty() {
        return vec![inputs(answer)];
    }
    let mut own = network.weights.iter().copied();
    let of_feature = |feature: &TrainedFeature| {
        let all: Vec<_> = match feature.between {
            None => {
                let bins = feature.bins.iter().enumerate();
                let weight = |at: usize, own: &mut dyn Iterator<Item = f64>| {
                    if at == 0 { 0.0 } else { own.next().unwrap_or_default() }
                };
                bins.map(|(at, bin)| (bin.name.clone(), weight(at, &mut own))).collect()
            }
            Some(ends) => {
                let weight = own.next().unwrap_or_default();
                let [lower, upper] = ends.map(|end| shown(feature, end));
                vec![
                    (format!("{lower} and below"), -weight),
                    (format!("{upper} and above"), weight),
                ]
            }
        };
        let section = weights(answer, feature, &all);
        if feature.between.is_none() {
            return section;
        }
        section.with(Block::Note("Between the two it goes in a straight line.".into()))
    };
    answer.features.iter().map(of_feature).collect()
}

fn inputs(answer: &TrainAnswer) -> Section {
    let terms = answer.features.iter().map(|feature| {
        let seen = match feature.between {
            None => format!("{} bins", feature.bins.len()),
            Some(ends) => {
                let [lower, upper] = ends.map(|end| shown(feature, end));
                format!("A number from {lower} to {upper}, beyond which it counts as these")
            }
        };
        Term { name: called(feature), text: Text::fixed(format!("{} {seen}.", read(feature))) }
    });
    let note = "No weight of a network can be read by itself. The file has all of them.";
    Section::new(Topic::Figures, "What it sees of a person".into())
        .with(Block::Terms(terms.collect()))
        .with(Block::Note(note.into()))
}

/// An end, to the decimals of its column.
fn shown(feature: &TrainedFeature, end: f64) -> String {
    format!("{end:.*}", usize::from(feature.decimals))
}
