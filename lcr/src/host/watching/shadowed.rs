//! What a shadow knows of a method: both versions, and how two answers are compared and told.

use std::sync::Arc;

use super::{
    canary::Candidate,
    differences::{Difference, MethodCounts},
    side::How,
    signature::Signature,
    trace::{cut, shown},
};
use crate::{
    abi::{fault::FaultKind, world::Pair},
    host::{
        image::shape::Kind,
        reflect::{
            difference::{Unfinished, ordered_difference, unordered_difference},
            types::Type,
            value::Value,
            view::At,
        },
    },
};

/// How many nodes, elements and bytes of two values are compared.
const BUDGET: usize = 4 << 20;

/// How long a text of an argument, a result or a place is, in bytes.
const SHOWN: usize = 256;

/// How many arguments are shown.
const ARGUMENTS: usize = 8;

/// Why copies of calls of the method cannot be given to a candidate; `None` if they can.
pub(crate) fn cannot_be_shadowed(signature: &Signature) -> Option<String> {
    let argument = |(number, ty): (usize, &Type<'_>)| {
        ty.refuses_second_call().map(|why| format!("argument {}: {why}", number + 1))
    };
    let result = || signature.result().refuses_second_call().map(|why| format!("its result: {why}"));
    signature.arguments().iter().enumerate().find_map(argument).or_else(result)
}

/// A method of which the candidate gets copies of calls.
pub(crate) struct Shadowed {
    pub(crate) signature: Signature,
    pub(crate) candidate: Candidate,
    /// Finds the method of the version that serves. `None` if a second call of that may do harm.
    pub(crate) old: Option<FindOld>,
    /// How many of its calls were compared, and how many were not.
    pub(crate) counts: Arc<MethodCounts>,
    /// Whether no value of it is shown: the version that serves keeps more secret than the candidate, by whose
    /// signature values are shown.
    pub(crate) hides_all: bool,
    /// Whether sequences are equal that have the same elements in another order.
    pub(crate) is_any_order: bool,
}

/// Finds a method of the version that serves.
pub(crate) type FindOld = Box<dyn Fn() -> Result<OldVersion, NoOld> + Send + Sync>;

/// Why no method of the version that serves is found.
pub(crate) enum NoOld {
    /// Another version serves now, or the runtime has ended. The shadow ends before that.
    Gone,
    /// There is no instance, and none can be constructed, for this reason.
    Construct(String),
}

/// A method of the version that serves, and what keeps it alive.
pub(crate) struct OldVersion {
    pub(crate) method: Candidate,
    pub(crate) keeper: Arc<dyn Keeper>,
}

/// Keeps an instance alive whose methods are called beside the slots.
pub(crate) trait Keeper: Send + Sync {
    /// Whether the method is one of this instance.
    fn keeps(&self, method: Pair) -> bool;

    /// Whoever asks who is inside finds the calling thread, in the method of that name, until what this returns is
    /// dropped.
    fn enter<'k>(&'k self, name: &str) -> Box<dyn Shown + 'k>;
}

/// Shows that a thread is inside.
pub(crate) trait Shown {}

impl<T> Shown for T {}

/// What came of a call, and what it has left in each `&mut [T]`.
pub(super) struct Answer<'a> {
    pub(super) came: Result<At<'a>, (FaultKind, &'a str)>,
    pub(super) left: Vec<At<'a>>,
}

impl Answer<'_> {
    pub(super) fn how(&self) -> How {
        match &self.came {
            Ok(value) if value.is_err() => How::Error,
            Ok(_) => How::Good,
            Err(_) => How::Fault,
        }
    }
}

impl Shadowed {
    /// The numbers of the arguments that are `&mut [T]`.
    pub(super) fn lent(&self) -> impl Iterator<Item = usize> {
        let arguments = self.signature.arguments().iter().enumerate();
        arguments.filter(|(_, ty)| ty.shape().kind() == Kind::SliceMut).map(|(number, _)| number)
    }

    /// In which way two answers differ first; `None` if they do not.
    ///
    /// # Errors
    /// If that would take too long.
    pub(super) fn compare(&self, was: &Answer<'_>, is: &Answer<'_>) -> Result<Option<String>, Unfinished> {
        let in_words = |what: &str, is_secret: bool, was: At<'_>, is: At<'_>| {
            let compare = if self.is_any_order { unordered_difference } else { ordered_difference };
            let found = compare(was, is, BUDGET)?;
            let in_words = |found| if is_secret { format!("{what} differs") } else { format!("{what}: {found}") };
            Ok(found.map(in_words))
        };
        let signature = &self.signature;
        let place = match (&was.came, &is.came) {
            (Ok(was), Ok(is)) => in_words("the result", self.hides_result(), *was, *is)?,
            (Err((was, _)), Err((is, _))) => (was != is).then(|| format!("a fault: {was} became {is}")),
            (Ok(_), Err((is, _))) => Some(format!("a value became a fault: {is}")),
            (Err((was, _)), Ok(_)) => Some(format!("a fault became a value: {was}")),
        };
        if place.is_some() {
            return Ok(place);
        }
        let of_both = was.left.iter().zip(&is.left);
        let left = self.lent().zip(of_both).map(|(number, (was, is))| {
            let name = signature.argument_name(number).map_or_else(|| (number + 1).to_string(), str::to_owned);
            in_words(&format!("argument {name}"), self.hides(number), *was, *is).transpose()
        });
        left.flatten().next().transpose()
    }

    /// A difference for whoever asks: in a few short texts, without secrets.
    pub(super) fn tell(
        &self,
        arguments: &[Value<'_>],
        (was, is): (&Answer<'_>, &Answer<'_>),
        place: String,
    ) -> Difference {
        let signature = &self.signature;
        let argument = |(number, value): (usize, &Value<'_>)| {
            let text = value.at().map(|value| shown(value, self.hides(number), SHOWN)).unwrap_or_default();
            match signature.argument_name(number) {
                Some(name) => format!("{name}: {text}"),
                None => text,
            }
        };
        let mut told: Vec<String> = arguments.iter().enumerate().take(ARGUMENTS).map(argument).collect();
        if arguments.len() > ARGUMENTS {
            told.push("…".to_owned());
        }
        let came = |answer: &Answer<'_>| match &answer.came {
            Ok(value) => shown(*value, self.hides_result(), SHOWN),
            Err((kind, text)) => cut(format!("fault: {kind}: {text}"), SHOWN),
        };
        Difference {
            method: signature.name().to_owned(),
            arguments: told,
            was: came(was),
            is: came(is),
            place: cut(place, SHOWN),
        }
    }

    fn hides(&self, number: usize) -> bool {
        self.hides_all || self.signature.is_secret(number)
    }

    fn hides_result(&self) -> bool {
        self.hides_all || self.signature.is_result_secret()
    }
}
