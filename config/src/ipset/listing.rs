//! Sets as text: plain, as commands that make them, as XML.

use super::command::OutputMode;
use super::create::Header;
use super::element::Element;
use super::skbinfo::SkbInfo;
use std::fmt::Write;

/// An element and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// The element.
    pub element: Element,
    /// Seconds left.
    pub timeout: Option<u32>,
    /// Packets and bytes.
    pub counters: Option<(u64, u64)>,
    /// Comment.
    pub comment: Option<String>,
    /// What it gives to packets.
    pub skbinfo: SkbInfo,
    /// An exception.
    pub nomatch: bool,
}

/// A set to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its name.
    pub name: String,
    /// Its header.
    pub header: Header,
    /// Bytes.
    pub memory: usize,
    /// Rules and lists that refer to it.
    pub references: usize,
    /// How many elements.
    pub count: usize,
    /// The elements; none: not asked for.
    pub members: Option<Vec<Member>>,
}

impl Member {
    fn options(&self) -> Vec<(&'static str, Option<String>)> {
        let mut options = Vec::new();
        if let Some(seconds) = self.timeout {
            options.push(("timeout", Some(seconds.to_string())));
        }
        if self.nomatch {
            options.push(("nomatch", None));
        }
        if self.element.wildcard {
            options.push(("wildcard", None));
        }
        if let Some((packets, bytes)) = self.counters {
            options.push(("packets", Some(packets.to_string())));
            options.push(("bytes", Some(bytes.to_string())));
        }
        if let Some(comment) = &self.comment {
            options.push(("comment", Some(format!("\"{comment}\""))));
        }
        options.append(&mut self.skbinfo.options());
        options
    }

    fn line(&self, header: &Header) -> String {
        let mut line = self.element.text(header);
        for (name, value) in self.options() {
            let _ = match value {
                Some(value) => write!(line, " {name} {value}"),
                None => write!(line, " {name}"),
            };
        }
        line
    }
}

impl Listing {
    /// Sorts the elements by address, then prefix, protocol and port. A list keeps its order.
    pub fn sort(&mut self) {
        if self.header.kind == super::SetType::ListSet {
            return;
        }
        if let Some(members) = &mut self.members {
            members.sort_by_cached_key(|member| {
                let element = &member.element;
                (element.first, element.prefix.to_string(), element.clone())
            });
        }
    }

    /// One set in a mode; `-n` is the caller's.
    #[must_use]
    pub fn text(&self, mode: OutputMode) -> String {
        match mode {
            OutputMode::Plain => self.plain(),
            OutputMode::Save => self.save(),
            OutputMode::Xml => self.xml(),
        }
    }

    fn plain(&self) -> String {
        let kind = self.header.kind;
        let mut text = format!(
            "Name: {}\nType: {}\nRevision: {}\nHeader: {}\nSize in memory: {}\nReferences: {}\n\
             Number of entries: {}\n",
            self.name,
            kind.name(),
            kind.revision(),
            self.header.line(),
            self.memory,
            self.references,
            self.count
        );
        if let Some(members) = &self.members {
            text.push_str("Members:\n");
            for member in members {
                text.push_str(&member.line(&self.header));
                text.push('\n');
            }
        }
        text
    }

    fn save(&self) -> String {
        let (name, header) = (&self.name, &self.header);
        let mut text = format!("create {name} {} {}\n", header.kind.name(), header.line());
        for member in self.members.iter().flatten() {
            let _ = writeln!(text, "add {name} {}", member.line(header));
        }
        text
    }

    fn xml(&self) -> String {
        let kind = self.header.kind;
        let tags = |options: Vec<(&'static str, Option<String>)>| {
            options.into_iter().fold(String::new(), |text, (name, value)| match value {
                Some(value) => text + &format!("<{name}>{}</{name}>", escape(&value)),
                None => text + &format!("<{name}/>"),
            })
        };
        let mut text = format!(
            "<ipset name=\"{}\">\n<type>{}</type>\n<revision>{}</revision>\n<header>{}\n\
             <memsize>{}</memsize>\n<references>{}</references>\n<numentries>{}</numentries>\n</header>\n",
            escape(&self.name),
            kind.name(),
            kind.revision(),
            tags(self.header.options()),
            self.memory,
            self.references,
            self.count
        );
        if let Some(members) = &self.members {
            text.push_str("<members>\n");
            for member in members {
                let element = escape(&member.element.text(&self.header));
                let options = tags(member.options());
                let _ = writeln!(text, "<member><elem>{element}</elem>{options}</member>");
            }
            text.push_str("</members>\n");
        }
        text.push_str("</ipset>\n");
        text
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Several sets, in one text.
#[must_use]
pub fn all(listings: &[Listing], mode: OutputMode) -> String {
    let texts: Vec<String> = listings.iter().map(|listing| listing.text(mode)).collect();
    match mode {
        OutputMode::Plain => texts.join("\n"),
        OutputMode::Save => texts.concat(),
        OutputMode::Xml => format!("<ipsets>\n{}</ipsets>\n", texts.concat()),
    }
}
