//! Owns the drawing of SCTP associations (RFC 9260): chunks of a life in their order, now and then something else.

use sluice_tests::frame::{Packet, words};

use crate::sctp::{
    ABORT, COOKIE_ACK, COOKIE_ECHO, DATA, ERROR, HEARTBEAT, HEARTBEAT_ACK, INIT, INIT_ACK, SACK,
    SHUTDOWN, SHUTDOWN_ACK, SHUTDOWN_COMPLETE,
};

use super::dice::Dice;
use super::packets::Answer;
use super::round::Action;

/// From the client or not, which chunks.
const LIFE: [(bool, &[u8]); 12] = [
    (true, &[INIT]),
    (false, &[INIT_ACK]),
    (true, &[COOKIE_ECHO, DATA]),
    (false, &[COOKIE_ACK, SACK]),
    (true, &[DATA, DATA]),
    (false, &[SACK]),
    (false, &[HEARTBEAT]),
    (true, &[HEARTBEAT_ACK]),
    (false, &[DATA]),
    (true, &[SHUTDOWN]),
    (false, &[SHUTDOWN_ACK]),
    (true, &[SHUTDOWN_COMPLETE]),
];

/// A life, or its beginning. `packet`: an empty one from the client to the server; the client's port is nobody else's.
pub(super) fn draw(dice: &mut Dice, inside: bool, packet: &Packet, port: u16) -> Vec<Action> {
    let ports = (port, dice.one(&[80, 80, 7]));
    let (client, server) = (0x1111_0000 + u32::from(port), 0x2222_2222);
    let mut steps = Vec::new();
    for (place, (mine, kinds)) in LIFE.into_iter().take(2 + dice.below(LIFE.len())).enumerate() {
        let mut kinds = kinds.to_vec();
        // The tag that the receiver wants to be called by.
        let mut tag = if mine { server } else { client };
        match dice.below(24) {
            0 if place > 0 => continue,
            1 => kinds = vec![dice.one(&[ABORT, ERROR, SHUTDOWN_COMPLETE, INIT, INIT_ACK, 12, 64])],
            2 => kinds.push(dice.one(&[DATA, ABORT, ERROR, COOKIE_ECHO, SHUTDOWN_ACK])),
            3 => tag = dice.one(&[0, 5, client, server]),
            _ => {}
        }
        if kinds.contains(&INIT) && !dice.once_in(12) {
            tag = 0;
        }
        let own = if mine { client } else { server };
        let chunks: Vec<u8> = kinds.iter().flat_map(|kind| chunk(dice, *kind, own)).collect();
        for _ in 0..if dice.once_in(12) { 2 } else { 1 } {
            steps.push(match mine {
                true => {
                    let ttl = dice.one(&[64, 64, 64, 64, 2, 1]);
                    let packet = packet.clone().ttl(ttl).sctp(ports, tag, &chunks);
                    Action::Send { inside, packet }
                }
                false => Action::Answer { of: 0, how: Answer::Sctp(tag, chunks.clone()) },
            });
        }
    }
    steps
}

/// A chunk; INIT and INIT ACK name the tag that their sender wants to be called by.
fn chunk(dice: &mut Dice, kind: u8, own: u32) -> Vec<u8> {
    let flags = match kind {
        DATA => 3,
        // Under the other's tag.
        ABORT | SHUTDOWN_COMPLETE => dice.one(&[0, 0, 1]),
        _ => 0,
    };
    let mut value = match kind {
        INIT | INIT_ACK => vec![0; 16],
        DATA => [&[0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0][..], b"ooxx"].concat(),
        SHUTDOWN_ACK | COOKIE_ACK | SHUTDOWN_COMPLETE => Vec::new(),
        _ => vec![0; 4],
    };
    if matches!(kind, INIT | INIT_ACK) {
        value[..4].copy_from_slice(&own.to_be_bytes());
    }
    let length = u16::try_from(4 + value.len()).expect("a short chunk");
    [vec![kind, flags], words(&[length]), value].concat()
}
