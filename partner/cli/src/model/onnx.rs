//! A model as ONNX: what `glovebox model score` does, as a graph that other programs compute.
//!
//! Binning is part of the graph, so that whoever serves the model bins people as training did. Everything is computed in 64
//! bits, in the order in which `glovebox model score` adds up.
//!
//! Source: <https://onnx.ai/onnx/operators/>, version 17, and version 2 of `ai.onnx.ml`.

mod proto;

use super::columns::{called, rows_of};
use prost::Message;
use proto::{
    Attribute, DOUBLE, Graph, INT64, Model, Node, Operators, Pair, STRING, Tensor, ValueInfo,
};
use protocol::{
    analysis::train::{Reads, TrainAnswer, TrainedFeature},
    result::JobResult,
    tally::Loss,
};

/// The bytes of a file that scores people as the model does.
///
/// # Shapes and units
///
/// An input for each column that the model reads, called `DATASET.COLUMN` or `DATASET.rows`, with a value for each person:
/// numbers in 64 bits, values of a public list as text. No number is "not a number", no value is empty text. Outputs are
/// `score` and what it `says`, in 64 bits.
pub(super) fn encoded(result: &JobResult<TrainAnswer>) -> Vec<u8> {
    let model = &result.answer;
    let mut building = Building::default();
    let mut score = building.constant(Tensor::number("intercept", model.intercept));
    for (at, feature) in model.features.iter().enumerate() {
        let bin = building.bin(at, feature);
        let bin = building.of_who_is_found(feature, model, bin);
        let weights = feature.bins.iter().map(|bin| bin.weight.unwrap_or_default()).collect();
        let weights = building.constant(Tensor::numbers(&format!("weights {at}"), weights));
        let weight = building.node("Gather", &[&weights, &bin], vec![]);
        score = building.node("Add", &[&score, &weight], vec![]);
    }
    let says = match model.loss {
        Loss::Logistic => building.node("Sigmoid", &[&score], vec![]),
        Loss::Poisson => building.node("Exp", &[&score], vec![]),
        Loss::Squared => {
            let cap = building.constant(Tensor::number("cap", model.cap));
            building.node("Mul", &[&score, &cap], vec![])
        }
    };
    building.output("score", &score);
    building.output("says", &says);
    let pair = |key: &str, value: &str| Pair { key: key.to_owned(), value: value.to_owned() };
    let operators = |domain: &str, version| Operators { domain: domain.to_owned(), version };
    let file = Model {
        ir_version: 8,
        producer_name: "glovebox".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(building.0),
        opset_import: vec![operators("", 17), operators(ML, 2)],
        metadata_props: vec![
            pair("learns", &model.learns),
            pair("trained_on", &model.counted),
            pair("job", &result.job),
        ],
    };
    file.encode_to_vec()
}

/// A graph under construction. What a node makes goes by a name.
struct Building(Graph);

impl Default for Building {
    fn default() -> Self {
        Self(Graph { name: "additive_model".to_owned(), ..Graph::default() })
    }
}

impl Building {
    /// The bin of each person in a feature, by its own column alone.
    fn bin(&mut self, at: usize, feature: &TrainedFeature) -> String {
        let column = called(feature);
        match feature.reads {
            Reads::OnlyValue => {
                let column = self.input(&column, STRING);
                let names = feature.bins.iter().skip(1).map(|bin| bin.name.clone().into_bytes());
                let names: Vec<_> = names.collect();
                let places = (1..).take(names.len()).collect();
                let attributes = vec![
                    Attribute::strings("keys_strings", names),
                    Attribute::ints("values_int64s", places),
                    Attribute::int("default_int64", 0),
                ];
                self.node("LabelEncoder", &[&column], attributes)
            }
            Reads::Total => {
                let column = self.input(&column, DOUBLE);
                let unit = Tensor::number(&format!("unit {at}"), feature.units_per_one());
                let unit = self.constant(unit);
                let units = self.node("Mul", &[&column, &unit], vec![]);
                let bin = self.above(at, feature, &units);
                let nan = self.node("IsNaN", &[&column], vec![]);
                let infinite = self.node("IsInf", &[&column], vec![]);
                let missing = self.node("Or", &[&nan, &infinite], vec![]);
                self.unless(&missing, &bin)
            }
            Reads::Rows => {
                let rows = self.input(&column, DOUBLE);
                let bin = self.above(at, feature, &rows);
                let missing = self.without(&rows);
                self.unless(&missing, &bin)
            }
        }
    }

    /// The bin, or the first one of whoever has no row in the feature's dataset, if the model reads how many they are.
    fn of_who_is_found(
        &mut self,
        feature: &TrainedFeature,
        model: &TrainAnswer,
        bin: String,
    ) -> String {
        let counted =
            |other: &TrainedFeature| other.reads == Reads::Rows && other.dataset == feature.dataset;
        if feature.reads == Reads::Rows || !model.features.iter().any(counted) {
            return bin;
        }
        let rows = self.input(&rows_of(feature), DOUBLE);
        let missing = self.without(&rows);
        self.unless(&missing, &bin)
    }

    /// Whether somebody has no row: the number of rows is 0, or is not a number that rows can have.
    fn without(&mut self, rows: &str) -> String {
        let one = self.constant(Tensor::number("one row", 1.0));
        let most = self.constant(Tensor::number("most rows", u32::MAX.into()));
        let floor = self.node("Floor", &[rows], vec![]);
        let whole = self.node("Equal", &[&floor, rows], vec![]);
        let some = self.node("GreaterOrEqual", &[rows, &one], vec![]);
        let few = self.node("LessOrEqual", &[rows, &most], vec![]);
        let counted = self.node("And", &[&some, &few], vec![]);
        let found = self.node("And", &[&whole, &counted], vec![]);
        self.node("Not", &[&found], vec![])
    }

    /// One more than the number of edges that are not above a number of units. A number counts as the nearest unit, half of
    /// one away from zero: so an edge E is reached from E - ½ on, and beyond it if E is not above 0.
    fn above(&mut self, at: usize, feature: &TrainedFeature, units: &str) -> String {
        let from = feature.edges_in_units().map(|edge| {
            let half = edge - 0.5;
            if edge > 0.0 { half } else { half.next_up() }
        });
        let edges = self.constant(Tensor::numbers(&format!("edges {at}"), from.collect()));
        let axis = self.constant(Tensor::list_of("axis of edges", 1));
        let column = self.node("Unsqueeze", &[units, &axis], vec![]);
        let reached = self.node("GreaterOrEqual", &[&column, &edges], vec![]);
        let reached = self.node("Cast", &[&reached], vec![Attribute::int("to", INT64.into())]);
        let count = self.node("ReduceSum", &[&reached, &axis], vec![Attribute::int("keepdims", 0)]);
        let one = self.constant(Tensor::whole("one bin", 1));
        self.node("Add", &[&count, &one], vec![])
    }

    /// The bin, and the first one where `missing`.
    fn unless(&mut self, missing: &str, bin: &str) -> String {
        let first = self.constant(Tensor::whole("first bin", 0));
        self.node("Where", &[missing, &first, bin], vec![])
    }

    /// An input of this name; the same one for several features of one column.
    fn input(&mut self, name: &str, elem_type: i32) -> String {
        if !self.0.input.iter().any(|input| input.name == name) {
            self.0.input.push(ValueInfo::of(name, elem_type));
        }
        name.to_owned()
    }

    fn output(&mut self, name: &str, from: &str) {
        self.node_called(name.to_owned(), "Identity", &[from], vec![]);
        self.0.output.push(ValueInfo::of(name, DOUBLE));
    }

    fn constant(&mut self, tensor: Tensor) -> String {
        let name = tensor.name.clone();
        if !self.0.initializer.iter().any(|other| other.name == name) {
            self.0.initializer.push(tensor);
        }
        name
    }

    fn node(&mut self, op_type: &str, input: &[&str], attribute: Vec<Attribute>) -> String {
        let name = format!("{op_type} {}", self.0.node.len());
        self.node_called(name.clone(), op_type, input, attribute);
        name
    }

    fn node_called(
        &mut self,
        name: String,
        op_type: &str,
        input: &[&str],
        attribute: Vec<Attribute>,
    ) {
        let domain = if op_type == "LabelEncoder" { ML } else { "" };
        self.0.node.push(Node {
            input: input.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![name],
            op_type: op_type.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }
}

/// The operators of models that are no neural networks.
const ML: &str = "ai.onnx.ml";
