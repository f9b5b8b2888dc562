use super::*;
use crate::address::{V4, V6};
use proptest::prelude::*;
use std::collections::HashSet;

/// Tuples taken, and how often that was asked.
#[derive(Default)]
struct Taken<A>(HashSet<Tuple<A>>);

impl<A: Address> TupleSpace<A> for Taken<A> {
    fn is_taken(&self, reply: &Tuple<A>) -> bool {
        self.0.contains(reply)
    }
}

/// A space where everything on `protocol` is taken.
struct Full;

impl<A: Address> TupleSpace<A> for Full {
    fn is_taken(&self, _: &Tuple<A>) -> bool {
        true
    }
}

const CLIENT: V4 = V4([10, 0, 0, 1]);
const SERVER: V4 = V4([192, 0, 2, 80]);
const OTHER: V4 = V4([192, 0, 2, 81]);
const OUTSIDE: V4 = V4([198, 51, 100, 1]);
const UDP: u8 = 17;

fn udp(source: V4, source_port: u16, destination: V4, destination_port: u16) -> Tuple<V4> {
    Tuple {
        source,
        destination,
        source_port: L4Port::new(source_port),
        destination_port: L4Port::new(destination_port),
        protocol: UDP,
        icmp: 0,
        zone: crate::tuple::Zone::default(),
    }
}

fn mappings<A: Address>() -> SourceMappings<A> {
    SourceMappings::new(64, 1).unwrap()
}

fn snat(original: &Tuple<V4>, space: &Taken<V4>, mappings: &SourceMappings<V4>) -> Tuple<V4> {
    let range = NatRange::single(OUTSIDE);
    select_source(original, &original.reversed(), &range, space, mappings, 99).unwrap()
}

#[test]
fn a_free_port_is_kept() {
    let original = udp(CLIENT, 5000, SERVER, 53);
    let reply = snat(&original, &Taken::default(), &mappings());
    assert_eq!(reply, udp(SERVER, 53, OUTSIDE, 5000));
}

#[test]
fn a_clash_draws_a_port_of_the_same_class() {
    for (port, low, high) in
        [(80, 1, 511), (511, 1, 511), (512, 600, 1023), (1023, 600, 1023), (1024, 1024, 65_535)]
    {
        let taken = Taken([udp(SERVER, 53, OUTSIDE, port)].into());
        let reply = snat(&udp(CLIENT, port, SERVER, 53), &taken, &mappings());
        let new = reply.destination_port.get();
        assert!((low..=high).contains(&new) && new != port, "{port} became {new}");
    }
}

#[test]
fn a_mapping_is_reused_even_where_the_port_is_free() {
    let mappings = mappings();
    let original = udp(CLIENT, 5000, SERVER, 53);
    mappings.insert_or_ref(&original, OUTSIDE, L4Port::new(40_000));
    let towards_other = udp(CLIENT, 5000, OTHER, 53);
    let reply = snat(&towards_other, &Taken::default(), &mappings);
    assert_eq!(reply, udp(OTHER, 53, OUTSIDE, 40_000));

    let taken = Taken([reply].into());
    assert_eq!(snat(&towards_other, &taken, &mappings), udp(OTHER, 53, OUTSIDE, 5000));
    // Another source, or the same one when the mapping has gone, keeps its port.
    let stranger = udp(CLIENT, 5001, OTHER, 53);
    assert_eq!(snat(&stranger, &Taken::default(), &mappings), udp(OTHER, 53, OUTSIDE, 5001));
    mappings.release(&original, OUTSIDE, L4Port::new(40_000));
    let reply = snat(&towards_other, &Taken::default(), &mappings);
    assert_eq!(reply, udp(OTHER, 53, OUTSIDE, 5000));
}

#[test]
fn a_mapping_outside_the_range_is_not_reused() {
    let mappings = mappings();
    let original = udp(CLIENT, 5000, SERVER, 53);
    mappings.insert_or_ref(&original, OTHER, L4Port::new(40_000));
    let reply = snat(&original, &Taken::default(), &mappings);
    assert_eq!(reply, udp(SERVER, 53, OUTSIDE, 5000));
}

#[test]
fn random_ports_neither_stay_nor_follow_a_mapping() {
    let mappings = mappings();
    let original = udp(CLIENT, 5000, SERVER, 53);
    mappings.insert_or_ref(&original, OUTSIDE, L4Port::new(40_000));
    let range = NatRange { random_fully: true, ..NatRange::single(OUTSIDE) };
    let ports: HashSet<_> = (0..50)
        .map(|random| {
            let reply = original.reversed();
            let taken = Taken::default();
            select_source(&original, &reply, &range, &taken, &mappings, random)
                .unwrap()
                .destination_port
        })
        .collect();
    assert!(ports.len() > 45, "{ports:?}");
}

#[test]
fn an_exhausted_range_is_an_error() {
    let original = udp(CLIENT, 5000, SERVER, 53);
    for ports in [None, Some((5000, 5000)), Some((6000, 6001))] {
        let range = NatRange { ports, ..NatRange::single(OUTSIDE) };
        let choice = select_source(&original, &original.reversed(), &range, &Full, &mappings(), 1);
        assert_eq!(choice, Err(DropReason::NatExhausted));
    }
}

/// An ESP tunnel has nothing but its addresses.
#[test]
fn a_second_tunnel_to_one_peer_is_refused() {
    let esp = |source, destination| Tuple { protocol: 50, ..udp(source, 0, destination, 0) };
    let taken = Taken([esp(SERVER, OUTSIDE)].into());
    let original = esp(CLIENT, SERVER);
    let range = NatRange { ports: Some((1, 9)), ..NatRange::single(OUTSIDE) };
    let choice = select_source(&original, &original.reversed(), &range, &taken, &mappings(), 1);
    assert_eq!(choice, Err(DropReason::NatExhausted));
    let original = esp(CLIENT, OTHER);
    let choice = select_source(&original, &original.reversed(), &range, &taken, &mappings(), 1);
    assert_eq!(choice, Ok(esp(OTHER, OUTSIDE)));
}

#[test]
fn an_identifier_changes_in_both_places() {
    let ping = |source, destination, id, icmp| Tuple {
        protocol: 1,
        icmp,
        ..udp(source, id, destination, id)
    };
    let taken = Taken([ping(SERVER, OUTSIDE, 7, 0)].into());
    let original = ping(CLIENT, SERVER, 7, 8);
    let reply = Tuple { icmp: 0, ..original.reversed() };
    let range = NatRange::single(OUTSIDE);
    let new = select_source(&original, &reply, &range, &taken, &mappings(), 1).unwrap();
    assert_eq!((new.source, new.destination, new.icmp), (SERVER, OUTSIDE, 0));
    assert_eq!(new.source_port, new.destination_port);
    assert_ne!(new.source_port.get(), 7);
}

#[test]
fn a_destination_range_takes_the_lowest_free_port() {
    let original = udp(CLIENT, 5000, OUTSIDE, 80);
    let range = NatRange { ports: Some((8000, 8009)), ..NatRange::single(SERVER) };
    let mut taken = Taken::default();
    for port in 8000..=8009 {
        let reply = original.reversed();
        let new = select_destination(&original, &reply, &range, &taken, 5);
        assert_eq!(new, udp(SERVER, port, CLIENT, 5000));
        taken.0.insert(new);
    }
}

#[test]
fn a_destination_port_in_range_is_kept() {
    let original = udp(CLIENT, 5000, OUTSIDE, 8005);
    let range = NatRange { ports: Some((8000, 8009)), ..NatRange::single(SERVER) };
    let new = select_destination(&original, &original.reversed(), &range, &Taken::default(), 5);
    assert_eq!(new, udp(SERVER, 8005, CLIENT, 5000));
}

/// Two DNAT rules send one client's port to one server: the second connection's source port moves.
#[test]
fn two_destinations_becoming_one_change_the_source_port() {
    let first = udp(CLIENT, 5000, OUTSIDE, 80).reversed();
    let range = NatRange { ports: Some((8080, 8080)), ..NatRange::single(SERVER) };
    let mut taken = Taken::default();
    let new = select_destination(&first.reversed(), &first, &range, &taken, 1);
    taken.0.insert(select_null(&first.reversed(), &new, &taken, 1).unwrap());

    let second = udp(CLIENT, 5000, OUTSIDE, 81);
    let new = select_destination(&second, &second.reversed(), &range, &taken, 2);
    assert!(taken.is_taken(&new), "a single port is not searched");
    let new = select_null(&second, &new, &taken, 2).unwrap();
    assert_eq!((new.source, new.source_port.get(), new.destination), (SERVER, 8080, CLIENT));
    assert!(new.destination_port.get() >= 1024 && new.destination_port.get() != 5000);
}

fn address_range<A: Address>() -> impl Strategy<Value = Option<(A, A)>> {
    proptest::option::of((any::<u32>(), 0..20_u32)).prop_map(|range| {
        let (low, more) = range?;
        let (low, high) = (u128::from(low), u128::from(low.saturating_add(more)));
        Some((A::from_bits(low), A::from_bits(high)))
    })
}

fn ranges<A: Address>() -> impl Strategy<Value = NatRange<A>> {
    let ports = proptest::option::of((any::<u16>(), 0..300_u16))
        .prop_map(|ports| ports.map(|(low, more)| (low, low.saturating_add(more))));
    (address_range(), ports, any::<[bool; 3]>()).prop_map(
        |(addresses, ports, [random, random_fully, persistent])| NatRange {
            addresses,
            ports,
            random,
            random_fully,
            persistent,
        },
    )
}

fn tuples<A: Address>() -> impl Strategy<Value = Tuple<A>> {
    let protocols = proptest::sample::select(vec![1_u8, 6, 17, 47, 50, 58, 132, 136]);
    (any::<[u32; 2]>(), any::<[u16; 2]>(), protocols).prop_map(|(addresses, ports, protocol)| {
        let [source, destination] = addresses.map(|bits| A::from_bits(u128::from(bits)));
        let [source_port, mut destination_port] = ports.map(L4Port::new);
        if Ports::of(protocol) == Ports::Identifier {
            destination_port = source_port;
        }
        let tuple = Tuple {
            source,
            destination,
            source_port,
            destination_port,
            protocol,
            icmp: 0,
            zone: crate::tuple::Zone::default(),
        };
        match Ports::of(protocol) {
            Ports::None => Tuple {
                source_port: L4Port::default(),
                destination_port: L4Port::default(),
                ..tuple
            },
            Ports::Pair | Ports::Key | Ports::Identifier => tuple,
        }
    })
}

/// Sends clients with the same port through one range until it is used up, and holds every choice
/// against what the range promises.
fn use_up<A: Address>(first: Tuple<A>, range: NatRange<A>, random: u64) {
    let (mut taken, mappings) = (Taken::default(), mappings());
    for client in 0..40 {
        let source = A::from_bits(first.source.to_bits() ^ (client << 8));
        let original = Tuple { source, ..first };
        let reply = original.reversed();
        let random = random.wrapping_mul(client as u64 + 1);
        let Ok(new) = select_source(&original, &reply, &range, &taken, &mappings, random) else {
            continue;
        };
        let port_may_stay = range.has_address(new.destination)
            && range.has_port(first.source_port)
            && !(range.random || range.random_fully);
        let kept = Tuple { destination: new.destination, ..reply };
        if port_may_stay && !taken.is_taken(&kept) {
            assert_eq!(new, kept, "a free port was given up");
        }
        assert!(!taken.is_taken(&new));
        if Ports::of(first.protocol) != Ports::None {
            assert!(range.has_port(new.destination_port));
        }
        match range.addresses {
            Some(_) => assert!(range.has_address(new.destination)),
            None => assert_eq!(new.destination, source),
        }
        assert_eq!(
            (new.source, new.protocol, new.zone),
            (reply.source, reply.protocol, crate::tuple::Zone::default())
        );
        if Ports::of(first.protocol) == Ports::Pair {
            assert_eq!(new.source_port, reply.source_port);
        }
        taken.0.insert(new);
    }
}

proptest! {
    #[test]
    fn every_choice_is_free_and_in_range_v4(
        first in tuples::<V4>(), range in ranges(), random: u64,
    ) {
        use_up(first, range, random);
    }

    #[test]
    fn every_choice_is_free_and_in_range_v6(
        first in tuples::<V6>(), range in ranges(), random: u64,
    ) {
        use_up(first, range, random);
    }

    #[test]
    fn a_destination_lies_in_its_range(first in tuples::<V4>(), range in ranges(), random: u64) {
        let reply = first.reversed();
        let new = select_destination(&first, &reply, &range, &Taken::default(), random);
        if let Some((low, high)) = range.addresses {
            let allowed = low.to_bits()..=high.to_bits();
            prop_assert!(allowed.contains(&new.source.to_bits()));
        } else {
            prop_assert_eq!(new.source, reply.source);
        }
        if Ports::of(first.protocol) == Ports::Pair {
            prop_assert!(range.has_port(new.source_port));
            prop_assert_eq!(new.destination_port, reply.destination_port);
        }
    }
}

#[test]
fn only_what_a_server_could_not_guess_is_remembered() {
    let original = udp(CLIENT, 5000, SERVER, 53);
    let (same, moved) = (udp(SERVER, 53, OUTSIDE, 5000), udp(SERVER, 53, OUTSIDE, 5001));
    let one = NatRange::single(OUTSIDE);
    let many = NatRange { addresses: Some((OUTSIDE, OTHER)), ..one };
    let needs = [(one, same), (one, moved), (many, same)]
        .map(|(range, reply)| range.needs_mapping(&original, &reply));
    assert_eq!(needs, [false, true, true]);
}
