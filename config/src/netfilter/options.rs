//! The options every rule has, before any match or target brings its own.

/// Whether an option takes a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// A word must follow.
    Word,
    /// A word may follow, if it does not begin with `-` or `!`.
    MaybeWord,
}

/// One of the tool's own options; its short letter names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Core {
    pub(super) letter: char,
    pub(super) long: &'static [&'static str],
    pub(super) takes: Takes,
}

impl Core {
    /// Whether the tool takes the whole word for the value where both are one word (`-s10.0.0.1`,
    /// `--proto=tcp`), which makes no sense and is refused as such.
    pub(super) fn whole_word(&self) -> bool {
        "sdpio".contains(self.letter)
    }
}

const fn core(letter: char, long: &'static [&'static str], takes: Takes) -> Core {
    Core { letter, long, takes }
}

/// `--line-numbers` has no letter of its own; the tools' messages call it so.
pub(super) const LINE_NUMBERS: char = '0';

pub(super) const CORE: &[Core] = &[
    core('A', &["append"], Takes::Word),
    core('C', &["check"], Takes::Word),
    core('D', &["delete"], Takes::Word),
    core('I', &["insert"], Takes::Word),
    core('R', &["replace"], Takes::Word),
    core('L', &["list"], Takes::MaybeWord),
    core('S', &["list-rules"], Takes::MaybeWord),
    core('F', &["flush"], Takes::MaybeWord),
    core('Z', &["zero"], Takes::MaybeWord),
    core('N', &["new-chain"], Takes::Word),
    core('X', &["delete-chain"], Takes::MaybeWord),
    core('E', &["rename-chain"], Takes::Word),
    core('P', &["policy"], Takes::Word),
    core('s', &["source", "src"], Takes::Word),
    core('d', &["destination", "dst"], Takes::Word),
    core('p', &["protocol"], Takes::Word),
    core('i', &["in-interface"], Takes::Word),
    core('o', &["out-interface"], Takes::Word),
    core('j', &["jump"], Takes::Word),
    core('g', &["goto"], Takes::Word),
    core('m', &["match"], Takes::Word),
    core('f', &["fragments"], Takes::Nothing),
    core('c', &["set-counters"], Takes::Word),
    core('n', &["numeric"], Takes::Nothing),
    core('v', &["verbose"], Takes::Nothing),
    core('x', &["exact"], Takes::Nothing),
    core(LINE_NUMBERS, &["line-numbers"], Takes::Nothing),
    core('t', &["table"], Takes::Word),
    core('M', &["modprobe"], Takes::Word),
    core('w', &["wait"], Takes::MaybeWord),
    core('W', &["wait-interval"], Takes::Word),
    core('4', &["ipv4"], Takes::Nothing),
    core('6', &["ipv6"], Takes::Nothing),
    core('h', &["help"], Takes::MaybeWord),
    core('V', &["version"], Takes::Nothing),
];

/// The letters that name commands.
pub(super) const COMMANDS: &str = "ACDIRLSFZNXEP";

/// The option of that letter.
pub(super) fn short(letter: char) -> Option<&'static Core> {
    CORE.iter().find(|core| core.letter == letter && letter != LINE_NUMBERS)
}

/// Which of `-n -s -d -p -j -x -i -o --line-numbers -c -f -m` a command takes.
pub(super) fn legal(command: char, option: char) -> bool {
    let rule = "sdpjgiofm";
    match command {
        'A' | 'I' | 'R' => rule.contains(option) || option == 'c',
        'D' | 'C' => rule.contains(option),
        'L' => "nx".contains(option) || option == LINE_NUMBERS,
        'P' => option == 'c',
        _ => false,
    }
}
