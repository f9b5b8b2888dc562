//! SET.

use super::Problem;
use crate::compile::World;
use crate::compile::matches::sets::{MISSING, directions};
use sluice_config::netfilter::targets as words;
use sluice_dataplane::rules::targets::set::{SetChange, SetMap};
use sluice_dataplane::sets::{Addition, Direction, Directions, SetRef};

pub(super) fn change(asked: &words::Set, world: &World<'_>) -> Result<SetChange, Problem> {
    let find = |entry: &words::SetEntry| -> Result<(SetRef, Directions), Problem> {
        let set = world.sets.lock().reference(&entry.set);
        let at = entry.from_destination.iter().map(|destination| match destination {
            true => Direction::Destination,
            false => Direction::Source,
        });
        let set = set.ok_or(Problem::Unsupported(MISSING))?;
        Ok((set, directions(at)))
    };
    let addition = Addition { exist: asked.exist, timeout: asked.timeout };
    let add = asked.add.as_ref().map(find).transpose()?;
    if let Some((set, _)) = &add {
        set.expect_packets();
    }
    let map = asked.map.as_ref().map(find).transpose()?;
    Ok(SetChange {
        add: add.map(|(set, at)| (set, at, addition)),
        del: asked.delete.as_ref().map(find).transpose()?,
        map: map.map(|(set, at)| SetMap { set, at, mark: asked.map_mark }),
    })
}
