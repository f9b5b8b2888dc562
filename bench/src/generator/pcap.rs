//! Frames of a capture file: classic pcap, of either byte order.

use anyhow::{Context, Result, bail, ensure};
use std::path::Path;

/// Link type of Ethernet.
const ETHERNET: u32 = 1;

/// All frames of a file.
///
/// # Errors
/// It is not a pcap file of Ethernet frames, or holds none.
pub(super) fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let frames = parse(&bytes).with_context(|| format!("{}", path.display()))?;
    ensure!(!frames.is_empty(), "{} holds no frame", path.display());
    Ok(frames)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let number: fn([u8; 4]) -> u32 = match bytes.first_chunk::<4>() {
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => u32::from_le_bytes,
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => u32::from_be_bytes,
        Some(_) | None => bail!("no pcap file; `editcap -F pcap` converts pcapng"),
    };
    let at =
        |offset: usize| -> Option<u32> { Some(number(*bytes.get(offset..)?.first_chunk::<4>()?)) };
    let link = at(20).context("the header is cut off")?;
    ensure!(link == ETHERNET, "link type {link}; only Ethernet ({ETHERNET}) can be sent");
    let (mut frames, mut offset) = (Vec::new(), 24);
    while let Some(captured) = at(offset + 8) {
        let begin = offset + 16;
        let end = begin + captured as usize;
        let frame = bytes.get(begin..end).context("the last frame is cut off")?;
        ensure!(frame.len() <= 1514, "a frame of {} bytes; at most 1514 can be sent", frame.len());
        frames.push(frame.to_vec());
        offset = end;
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_and_bad_files_refused() {
        let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1];
        file.extend([0; 16]);
        file.extend(1_u32.to_le_bytes());
        for frame in [&[1_u8; 60][..], &[2; 14]] {
            file.extend([0; 8]);
            file.extend(u32::try_from(frame.len()).unwrap().to_le_bytes().repeat(2));
            file.extend(frame);
        }
        assert_eq!(parse(&file).unwrap(), [vec![1; 60], vec![2; 14]]);
        assert!(parse(&file[..file.len() - 1]).is_err());
        assert!(parse(b"no pcap").is_err() && parse(&file[..10]).is_err());
    }
}
