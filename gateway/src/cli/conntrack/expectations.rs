//! `conntrack -L expect` and the like.
//!
//! ```text
//! 299 proto=6 src=… dst=… sport=0 dport=1025 mask-src=… mask-dst=… sport=0 dport=65535 master-src=… master-dst=… sport=… dport=… class=0 helper=ftp
//! left        what its first packet looks like          which of that has to be so                 who expects it
//! ```

use std::process::ExitCode;

use sluice_control::proto::{
    ConnectionEventKind, DeleteExpectationRequest, Expectation, Family, FirstPacket,
    FlushExpectationsRequest, FollowExpectationsRequest, GreKeys, ListExpectationsRequest, Ports,
    Tuple, tuple::Layer4,
};

use super::read::Expectations;
use super::words::{Form, Style};
use super::{Interrupts, complain, complain_of_lost, failed, text, xml};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::cli::wire;

/// Does what was asked of the table.
pub(super) async fn perform(task: Expectations, remote: &Remote) -> Result<ExitCode, Failure> {
    match task {
        Expectations::List { family, style } => {
            let found = list(remote, family, None).await?;
            output::print(&framed(&found, style))?;
            complain(&format!("{} expectations have been shown.", found.len()));
        }
        Expectations::Get { met_by } => {
            let found = list(remote, Family::Unspecified, Some(met_by)).await?;
            if found.is_empty() {
                return Err(missing());
            }
            output::print(&found.iter().map(|found| line(found) + "\n").collect::<String>())?;
        }
        Expectations::Delete { met_by } => {
            let request = DeleteExpectationRequest { met_by: Some(met_by) };
            let answer = remote.conntrack().await?.delete_expectation(request).await?;
            if !answer.into_inner().deleted {
                return Err(missing());
            }
            // As the original, which counts what it shows, and fails where that is nothing.
            complain("0 expectations have been shown.");
            return Ok(ExitCode::from(1));
        }
        Expectations::Follow { style } => follow(remote, style).await?,
        Expectations::Flush => {
            remote.conntrack().await?.flush_expectations(FlushExpectationsRequest {}).await?;
            complain("expectation table has been emptied.");
        }
        Expectations::Count => {
            let found = list(remote, Family::Unspecified, None).await?;
            output::print(&format!("{}\n", found.len()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn missing() -> Failure {
    failed("Operation failed: No such file or directory")
}

async fn list(
    remote: &Remote,
    family: Family,
    met_by: Option<FirstPacket>,
) -> Result<Vec<Expectation>, Failure> {
    let request = ListExpectationsRequest { family: family.into(), met_by };
    let answer = remote.conntrack().await?.list_expectations(request).await?;
    Ok(answer.into_inner().expectations)
}

fn framed(found: &[Expectation], style: Style) -> String {
    match style.form {
        Form::Plain | Form::Save => found.iter().map(|found| line(found) + "\n").collect(),
        Form::Xml if found.is_empty() => String::new(),
        Form::Xml => {
            let [head, end] = xml::frame("expect");
            let flow = |found| xml::expectation(found, None, None) + "\n";
            format!("{head}{}{end}", found.iter().map(flow).collect::<String>())
        }
    }
}

async fn follow(remote: &Remote, style: Style) -> Result<(), Failure> {
    let request = FollowExpectationsRequest {};
    let mut stream = remote.conntrack().await?.follow_expectations(request).await?.into_inner();
    let mut interrupts = Interrupts::new()?;
    let [head, end] = xml::frame("expect");
    let mut shown = 0_u64;
    while let Some(event) = interrupts.next(&mut stream).await? {
        complain_of_lost(event.lost);
        let expectation = event.expectation.clone().unwrap_or_default();
        let said = said(&expectation, event.kind(), event.timestamp_us, style);
        let head = if style.form == Form::Xml && shown == 0 { head } else { "" };
        output::print(&format!("{head}{said}\n"))?;
        shown += 1;
    }
    if style.form == Form::Xml && shown > 0 {
        output::print(end)?;
    }
    complain(&format!("{shown} expectation events have been shown."));
    Ok(())
}

fn said(expected: &Expectation, kind: ConnectionEventKind, time: u64, style: Style) -> String {
    match style.form {
        Form::Plain | Form::Save => {
            format!("{}{} {}", text::time(time, style), text::label(kind), line(expected))
        }
        Form::Xml => xml::expectation(expected, Some(kind), style.timestamp.then_some(time)),
    }
}

/// One expectation, without a newline.
pub(super) fn line(expected: &Expectation) -> String {
    let tuple = expected.tuple.clone().unwrap_or_default();
    let master = expected.master.clone().unwrap_or_default();
    let [source_mask, whole] = masks(expected);
    format!(
        "{} proto={} {} mask-src={source_mask} mask-dst={whole} {} {} {}class={} helper={}",
        expected.timeout_s,
        expected.protocol,
        ends(&tuple, ""),
        ports(&port_masks(expected)),
        ends(&master, "master-"),
        flags(expected),
        expected.class,
        expected.helper,
    )
}

/// How much of the source counts, and all of an address.
pub(super) fn masks(expected: &Expectation) -> [String; 2] {
    let whole = match expected.family() {
        Family::Ipv6 => "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        Family::Ipv4 | Family::Unspecified => "255.255.255.255",
    };
    [wire::address_text(&expected.source_mask), whole.to_owned()]
}

/// How much of the ports or keys counts.
pub(super) fn port_masks(expected: &Expectation) -> Tuple {
    let (source, destination) = (expected.source_port_mask, u32::from(u16::MAX));
    let keys = expected.tuple.as_ref().is_some_and(is_gre);
    let layer4 = match keys {
        true => Layer4::Gre(GreKeys { source, destination }),
        false => Layer4::Ports(Ports { source, destination }),
    };
    Tuple { layer4: Some(layer4), ..Tuple::default() }
}

const fn is_gre(tuple: &Tuple) -> bool {
    matches!(tuple.layer4, Some(Layer4::Gre(_)))
}

fn flags(expected: &Expectation) -> &'static str {
    match (expected.permanent, expected.inactive) {
        (true, true) => "PERMANENT,INACTIVE ",
        (true, false) => "PERMANENT ",
        (false, true) => "INACTIVE ",
        (false, false) => "",
    }
}

fn ends(tuple: &Tuple, whose: &str) -> String {
    let source = wire::address_text(&tuple.source);
    let destination = wire::address_text(&tuple.destination);
    format!("{whose}src={source} {whose}dst={destination} {}", ports(tuple))
}

fn ports(tuple: &Tuple) -> String {
    let (sport, dport) = match &tuple.layer4 {
        Some(Layer4::Ports(ports)) => (ports.source, ports.destination),
        Some(Layer4::Gre(keys)) => {
            return format!("srckey={:#x} dstkey={:#x}", keys.source, keys.destination);
        }
        Some(Layer4::Icmp(_)) | None => (0, 0),
    };
    format!("sport={sport} dport={dport}")
}

#[cfg(test)]
mod tests {
    //! The expected lines are what conntrack 1.4.7 printed of the kernel's.

    use super::super::text::tests::ports;
    use super::*;

    fn expected() -> Expectation {
        Expectation {
            family: Family::Ipv4.into(),
            protocol: 6,
            timeout_s: 299,
            tuple: ports([10, 9, 9, 2], [10, 9, 9, 7], 0, 1025),
            master: ports([10, 9, 9, 2], [10, 9, 9, 7], 53106, 21),
            master_protocol: 6,
            helper: "ftp".into(),
            source_mask: vec![255; 4],
            ..Expectation::default()
        }
    }

    /// The answers of a subnet.
    fn lasting() -> Expectation {
        Expectation {
            protocol: 17,
            timeout_s: 2,
            tuple: ports([10, 9, 0, 255], [10, 9, 0, 1], 137, 4000),
            master: ports([10, 9, 0, 1], [10, 9, 0, 255], 4000, 137),
            helper: "netbios-ns".into(),
            source_mask: vec![255, 255, 255, 0],
            source_port_mask: 65_535,
            permanent: true,
            ..expected()
        }
    }

    #[test]
    fn one_that_is_listed() {
        let line = "299 proto=6 src=10.9.9.2 dst=10.9.9.7 sport=0 dport=1025 \
            mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 \
            master-src=10.9.9.2 master-dst=10.9.9.7 sport=53106 dport=21 class=0 helper=ftp";
        assert_eq!(super::line(&expected()), line);
        let lasts = "2 proto=17 src=10.9.0.255 dst=10.9.0.1 sport=137 dport=4000 \
            mask-src=255.255.255.0 mask-dst=255.255.255.255 sport=65535 dport=65535 \
            master-src=10.9.0.1 master-dst=10.9.0.255 sport=4000 dport=137 PERMANENT class=0 \
            helper=netbios-ns";
        assert_eq!(super::line(&lasting()), lasts);
        let asleep = Expectation { inactive: true, class: 1, ..lasting() };
        let lasts = lasts.replace("PERMANENT class=0", "PERMANENT,INACTIVE class=1");
        assert_eq!(super::line(&asleep), lasts);
        let style = Style { timestamp: true, ..Style::default() };
        let event = said(&expected(), ConnectionEventKind::New, 1_795_692_419_841_729, style);
        assert_eq!(event, format!("[1795692419.841729]\t    [NEW] {line}"));
    }

    #[test]
    fn one_of_gre() {
        let keys = |source, destination| Some(Layer4::Gre(GreKeys { source, destination }));
        let call = Expectation {
            protocol: 47,
            tuple: expected().tuple.map(|tuple| Tuple { layer4: keys(0x707, 0x909), ..tuple }),
            source_port_mask: 0xffff,
            helper: "pptp".into(),
            ..expected()
        };
        let line = "299 proto=47 src=10.9.9.2 dst=10.9.9.7 srckey=0x707 dstkey=0x909 \
            mask-src=255.255.255.255 mask-dst=255.255.255.255 srckey=0xffff dstkey=0xffff \
            master-src=10.9.9.2 master-dst=10.9.9.7 sport=53106 dport=21 class=0 helper=pptp";
        assert_eq!(super::line(&call), line);
        let style = Style { form: Form::Xml, ..Style::default() };
        let masks = "<mask><srckey>0xffff</srckey><dstkey>0xffff</dstkey></mask>";
        assert!(framed(&[call], style).contains(masks));
    }

    #[test]
    fn one_in_xml() {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<expect>\n<flow><layer3 \
            protonum=\"2\" protoname=\"ipv4\"><expected><src>10.9.9.2</src><dst>10.9.9.7</dst>\
            </expected><mask><src>255.255.255.255</src><dst>255.255.255.255</dst></mask><master>\
            <src>10.9.9.2</src><dst>10.9.9.7</dst></master></layer3><layer4 protonum=\"6\" \
            protoname=\"tcp\"><expected><sport>0</sport><dport>1025</dport></expected><mask>\
            <sport>0</sport><dport>65535</dport></mask><master><sport>53106</sport>\
            <dport>21</dport></master></layer4><meta><helper-name>ftp</helper-name>\
            <timeout>299</timeout><class>0</class></meta></flow>\n</expect>\n";
        let style = Style { form: Form::Xml, ..Style::default() };
        assert_eq!(framed(&[expected()], style), xml);
        let asleep = Expectation { inactive: true, ..lasting() };
        let end = "<mask><sport>65535</sport><dport>65535</dport></mask><master><sport>4000</sport>\
            <dport>137</dport></master></layer4><meta><helper-name>netbios-ns</helper-name>\
            <timeout>2</timeout><class>0</class><permanent/><inactive/></meta></flow>\n</expect>\n";
        assert!(framed(&[asleep], style).ends_with(end));
        assert_eq!(framed(&[], style), "");
    }
}
