//! The first value of a type, as JSON: what stands for an error that nobody has.

use crate::host::reflect::types::{Content, Fields, Form, Scalar, Style, Type};

/// The longest array that is filled.
const LONGEST: usize = 1024;

/// The first value of a type: numbers are 0, texts and sequences are empty, an option is `None`, of an enum the first
/// variant that can be made. It is not checked: `decode` may refuse it where a type has rules of its own.
///
/// # Errors
/// Why there is none.
pub(crate) fn default(ty: &Type<'_>) -> Result<String, String> {
    if let Some(refusal) = ty.is_never_json() {
        return Err(refusal);
    }
    let array = |parts: Vec<String>| format!("[{}]", parts.join(","));
    match &ty.form {
        Form::Unit | Form::Option { .. } => Ok("null".to_owned()),
        Form::Scalar(Scalar::Bool) => Ok("false".to_owned()),
        Form::Scalar(Scalar::Char) => Ok("\"\\u0000\"".to_owned()),
        Form::Scalar(Scalar::F32 | Scalar::F64) => Ok("0.0".to_owned()),
        Form::Scalar(_) => Ok("0".to_owned()),
        Form::Duration => Ok("{\"secs\":0,\"nanos\":0}".to_owned()),
        Form::Text(_) | Form::Counted(Content::Text) | Form::Arc(Content::Text) => Ok("\"\"".to_owned()),
        Form::List(..) | Form::Counted(Content::List(_)) | Form::Arc(Content::List(_)) => Ok("[]".to_owned()),
        Form::Array(element, len) if *len <= LONGEST => default(element).map(|one| array(vec![one; *len])),
        Form::Array(..) => Err(format!("a `{}` is too long to be filled", ty.shape)),
        Form::Result { ok, err, .. } => default(ok)
            .map(|ok| format!("{{\"Ok\":{ok}}}"))
            .or_else(|_| default(err).map(|err| format!("{{\"Err\":{err}}}"))),
        Form::Box(inner) | Form::Counted(Content::One(inner)) | Form::Arc(Content::One(inner)) => default(inner),
        Form::Struct(_, fields) => of_fields(fields),
        Form::Enum(variants, _) => {
            let mut refusal = format!("`{}` has no variant", ty.shape);
            for variant in variants {
                let name = serde_json::Value::from(variant.name);
                match (variant.fields.style, of_fields(&variant.fields)) {
                    (Style::Empty, _) => return Ok(name.to_string()),
                    (_, Ok(fields)) => return Ok(format!("{{{name}:{fields}}}")),
                    (_, Err(why)) => refusal = why,
                }
            }
            Err(refusal)
        }
        Form::Serde => Err(format!("a `{}` is of a type that only its two sides know", ty.shape)),
        Form::Handle | Form::Callback | Form::BoxedCallback => Err(format!("a `{}` cannot be made", ty.shape)),
    }
}

fn of_fields(fields: &Fields<'_>) -> Result<String, String> {
    let parts = fields.list.iter().map(|field| default(&field.ty)).collect::<Result<Vec<String>, String>>()?;
    Ok(match fields.style {
        Style::Empty => "null".to_owned(),
        Style::Newtype => parts.into_iter().next().unwrap_or_default(),
        Style::Places => format!("[{}]", parts.join(",")),
        Style::Named => {
            let names = fields.list.iter().map(|field| serde_json::Value::from(field.name));
            let parts: Vec<String> = names.zip(parts).map(|(name, part)| format!("{name}:{part}")).collect();
            format!("{{{}}}", parts.join(","))
        }
    })
}
