//! The messages of ONNX that a model needs, numbered as its schema numbers them.
//!
//! Source: <https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto>.

use prost::Message;

/// A number in 64 bits.
pub(super) const DOUBLE: i32 = 11;
/// A whole number in 64 bits.
pub(super) const INT64: i32 = 7;
/// Text.
pub(super) const STRING: i32 = 8;

/// `ModelProto`.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub(super) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(super) producer_name: String,
    #[prost(string, tag = "3")]
    pub(super) producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<Operators>,
    #[prost(message, repeated, tag = "14")]
    pub(super) metadata_props: Vec<Pair>,
}

/// `OperatorSetIdProto`: a set of operators, and its version.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Operators {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

/// `StringStringEntryProto`.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Pair {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// `GraphProto`.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfo>,
}

/// `NodeProto`.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

/// `AttributeProto`.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    strings: Vec<Vec<u8>>,
    /// 2 for `i`, 7 for `ints`, 8 for `strings`.
    #[prost(int32, tag = "20")]
    kind: i32,
}

/// `TensorProto`.
#[derive(Clone, Message, PartialEq)]
pub(super) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(double, repeated, tag = "10")]
    double_data: Vec<f64>,
}

/// `ValueInfoProto`: the name of an input or output, and its type.
#[derive(Clone, Message, PartialEq)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Kind>,
}

/// `TypeProto`.
#[derive(Clone, Message, PartialEq)]
struct Kind {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorKind>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, Message, PartialEq)]
struct TensorKind {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

/// `TensorShapeProto`.
#[derive(Clone, Message, PartialEq)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

/// `TensorShapeProto.Dimension`, of a length that is known when the model is used.
#[derive(Clone, Message, PartialEq)]
struct Dimension {
    #[prost(string, tag = "2")]
    dim_param: String,
}

impl Attribute {
    pub(super) fn int(name: &str, i: i64) -> Self {
        Self { name: name.to_owned(), i: Some(i), kind: 2, ..Self::default() }
    }

    pub(super) fn ints(name: &str, ints: Vec<i64>) -> Self {
        Self { name: name.to_owned(), ints, kind: 7, ..Self::default() }
    }

    pub(super) fn strings(name: &str, strings: Vec<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), strings, kind: 8, ..Self::default() }
    }
}

impl Tensor {
    /// One number.
    pub(super) fn number(name: &str, number: f64) -> Self {
        Self { dims: Vec::new(), ..Self::numbers(name, vec![number]) }
    }

    /// A list of numbers.
    pub(super) fn numbers(name: &str, double_data: Vec<f64>) -> Self {
        let dims = vec![length(double_data.len())];
        Self { dims, data_type: DOUBLE, name: name.to_owned(), double_data, ..Self::default() }
    }

    /// One whole number.
    pub(super) fn whole(name: &str, number: i64) -> Self {
        let int64_data = vec![number];
        Self { data_type: INT64, name: name.to_owned(), int64_data, ..Self::default() }
    }

    /// A list of one whole number.
    pub(super) fn list_of(name: &str, number: i64) -> Self {
        Self { dims: vec![1], ..Self::whole(name, number) }
    }
}

impl ValueInfo {
    /// One value of this type for each person.
    pub(super) fn of(name: &str, elem_type: i32) -> Self {
        let shape = Shape { dim: vec![Dimension { dim_param: "people".to_owned() }] };
        let tensor = TensorKind { elem_type, shape: Some(shape) };
        Self { name: name.to_owned(), kind: Some(Kind { tensor: Some(tensor) }) }
    }
}

fn length(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
