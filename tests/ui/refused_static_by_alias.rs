//! Types that hold a reference to live for ever, under names that do not show it. What the
//! caller lends is gone after the call, and what a component returns goes with its image.

type Text = &'static str;
type Place = &'static std::path::Path;
type Texts = Vec<(u8, Option<Text>)>;

trait Names {
    type Name;
}

impl Names for u8 {
    type Name = &'static str;
}

#[derive(lcr::Abi)]
struct View<'a> {
    text: &'a str,
}
type Forever = View<'static>;

#[derive(lcr::Abi)]
struct Entry {
    text: Text,
}

#[derive(lcr::Abi)]
struct Nested {
    entries: Vec<Entry>,
}

#[derive(lcr::Abi)]
enum Event {
    Named { name: Text },
    Nothing,
}

#[derive(lcr::Abi)]
struct Pair<'a> {
    short: &'a str,
    long: Text,
}

#[derive(lcr::Abi)]
struct Either<T = Text> {
    value: T,
}

#[lcr::interface(name = "arguments", version = 1)]
trait Arguments {
    fn alias(&self, text: Text);
    fn nested_alias(&self, texts: Texts);
    fn projection(&self, name: <u8 as Names>::Name);
    fn lifetime_of_an_alias(&self, view: Forever);
    fn field(&self, entry: Entry);
    fn field_of_a_field(&self, nested: Nested);
    fn variant(&self, event: Option<Event>);
    fn beside_a_lifetime(&self, pair: Pair<'_>);
    fn default_parameter(&self, either: Either);
    fn place(&self, place: Place);
    fn bound<'a: 'static>(&self, text: &'a str);
}

#[lcr::interface(name = "results", version = 1)]
trait Results {
    fn alias(&self) -> Text;
    fn error(&self) -> Result<u64, Text>;
    fn projection(&self) -> Option<<u8 as Names>::Name>;
    fn field(&self) -> Entry;
}

#[lcr::interface(name = "callbacks", version = 1)]
trait Callbacks {
    fn lent(&self, f: &dyn Fn(Text));
    fn given(&self, f: Box<dyn Fn(u64, Entry) + Send>);
    fn lent_result(&self, f: &dyn Fn(u8) -> Text);
    fn given_result(&self, f: Box<dyn Fn() -> Option<Text> + Send>);
}

fn main() {}
