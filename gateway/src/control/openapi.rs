//! `GET /openapi.json`: the calls as an OpenAPI 3.1 document, made from the table of calls.

use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, Required, Response,
    ResponseBuilder,
};

use super::Answer;
use super::call::{About, Call, Operation, Shape};
use super::calls::CALLS;
use super::problem::Problem;
use crate::signals::error::{ErrorCode, SetError};

/// Answers the call.
pub(super) fn answer() -> Answer {
    Answer::of(&document())
}

/// The document.
pub fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut components =
        ComponentsBuilder::new().schema_from::<Problem>().schema_from::<SetError>().schema_from::<ErrorCode>();
    for call in CALLS {
        for shape in [call.request, call.response].into_iter().flatten() {
            components = (shape.add)(components);
        }
        paths.add_path_operation(call.path, vec![method(call.method)], operation(call));
    }
    let info = InfoBuilder::new().title("Gác Cổng control API").version(env!("CARGO_PKG_VERSION"));
    let info = info.description(Some("Each call needs a client certificate of a trust domain that `[control]` names, and is decided by the control API's own policies."));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn operation(call: &Call) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("{:?}", call.operation)))
        .summary(Some(call.summary))
        .description(Some(format!("Action of policy: `{}`.", call.action)))
        .tag("control");
    for parameter in parameters(call) {
        operation = operation.parameter(parameter);
    }
    if let Some(shape) = call.request {
        let required = if call.request_optional { Required::False } else { Required::True };
        let body = RequestBodyBuilder::new().content("application/json", content(shape)).required(Some(required));
        operation = operation.request_body(Some(body.build()));
    }
    operation = match call.response {
        Some(shape) => operation.response("200", answered("Done.", "application/json", content(shape))),
        None if call.operation == Operation::OpenApi => {
            let any = Content::new(Some(ObjectBuilder::new().schema_type(Type::Object)));
            operation.response("200", answered("This document.", "application/json", any))
        }
        None if call.operation == Operation::Signal => operation
            .request_body(Some(signal()))
            .response("202", Response::new("The token is kept, and what it says is in force.")),
        None => operation.response("204", Response::new("Done.")),
    };
    for (status, words) in PROBLEMS {
        let answer = ResponseBuilder::new().description(*words).content("application/problem+json", of_problem());
        let answer = match (call.operation, *status) {
            (Operation::Signal, "400") => answer.content("application/json", of_set_error()),
            _ => answer,
        };
        operation = operation.response(*status, answer.build());
    }
    operation
}

/// A Security Event Token (RFC 8417).
fn signal() -> RequestBody {
    let token = Content::new(Some(ObjectBuilder::new().schema_type(Type::String)));
    RequestBodyBuilder::new().content("application/secevent+jwt", token).required(Some(Required::True)).build()
}

/// Answers that any call may have.
const PROBLEMS: &[(&str, &str)] = &[
    ("400", "The request is not what the call takes."),
    ("401", "The connection proves nobody."),
    ("403", "Policy refuses."),
    ("404", "There is no such thing."),
    ("405", "The method is none that the gateway understands."),
    ("408", "The body came too slowly."),
    ("409", "What is there already stands against it."),
    ("413", "The body is too large."),
    ("415", "The body is encoded otherwise than the gateway reads it."),
    ("421", "The host is not of this connection."),
    ("422", "The body can be read, and means nothing that the call could do."),
    ("429", "Too many requests."),
    ("431", "The head is too large."),
    ("503", "The change cannot be kept, or the call not be recorded."),
];

fn parameters(call: &Call) -> Vec<Parameter> {
    let text = || ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(2048));
    let variable = call.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<_> = variable
        .map(|name| ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).schema(Some(text())))
        .collect();
    if let About::Query(kinds) = call.about {
        let kind = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(kinds.iter().copied()));
        let query = |name: &str| ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        parameters.push(query("kind").schema(Some(kind)));
        parameters.push(query("id").schema(Some(text())));
    }
    let any = || ObjectBuilder::new().schema_type(Type::String);
    let filter = |name: &&str| ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query).schema(Some(any()));
    let required = parameters.into_iter().map(|parameter| parameter.required(Required::True).build());
    required.chain(call.filters.iter().map(|name| filter(name).required(Required::False).build())).collect()
}

fn content(shape: Shape) -> Content {
    Content::new(Some(Ref::from_schema_name((shape.name)())))
}

fn of_set_error() -> Content {
    Content::new(Some(Ref::from_schema_name(SetError::name())))
}

fn of_problem() -> Content {
    Content::new(Some(Ref::from_schema_name(Problem::name())))
}

fn answered(words: &str, kind: &str, content: Content) -> Response {
    ResponseBuilder::new().description(words).content(kind, content).build()
}

fn method(name: &str) -> HttpMethod {
    match name {
        "PUT" => HttpMethod::Put,
        "POST" => HttpMethod::Post,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_in_the_document_and_every_reference_has_its_end() {
        let text = document().to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for call in CALLS {
            let method = call.method.to_lowercase();
            assert!(json["paths"][call.path][&method]["operationId"].is_string(), "{method} {}", call.path);
        }
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(json["components"]["schemas"][name].is_object(), "{name} is referred to and not there");
        }
        let mut known = std::collections::BTreeMap::new();
        for shape in CALLS.iter().flat_map(|call| [call.request, call.response]).flatten() {
            let schema = serde_json::to_string(&(shape.add)(ComponentsBuilder::new()).build()).unwrap();
            let first = known.entry((shape.name)()).or_insert_with(|| schema.clone());
            assert_eq!(*first, schema, "two shapes have the name {}", (shape.name)());
        }
    }
}
