//! `-m hashlimit`: a rate for each host, network or service (kernel: xt_hashlimit, revision 3).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{
    Given, Look, Objection, Opt, Place, Surroundings, Words, atoll, cut, leading_number, opt,
};

mod rate;

use self::rate::{
    BYTE_EXPIRE, BYTE_EXPIRE_BURST, byte_rate, byte_rate_text, cost_to_bytes, factor, packet_rate,
    packet_rate_text,
};
use super::connlimit::prefix;
use super::recent::unfit_proc_name;

/// The options, as `struct hashlimit_cfg3` holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashlimit {
    /// `--hashlimit-name` of the table; rules that name the same share it.
    pub name: String,
    /// Whether the rule matches above the rate; up to it otherwise.
    pub above: bool,
    /// Whether bytes are counted; packets otherwise.
    pub bytes: bool,
    /// Packets: microseconds for one. Bytes: [`u32::MAX`] through 16-byte units a second plus one.
    /// With `rate_match` and packets: microseconds for one if the unit were a second.
    pub average: u64,
    /// Packets: the packets a bucket holds. Bytes: how many seconds' worth it holds; 0 for one.
    pub burst: u64,
    /// `--hashlimit-mode`: what of a packet names its bucket.
    pub key: HashKey,
    /// `--hashlimit-htable-size`, hash chains; 0 leaves it to the kernel.
    pub size: u32,
    /// `--hashlimit-htable-max`, entries; 0 leaves it to the kernel.
    pub max: u32,
    /// `--hashlimit-htable-gcinterval`, milliseconds.
    pub gc_interval: u32,
    /// `--hashlimit-htable-expire`, milliseconds an entry lives unused.
    pub expire: u32,
    /// `--hashlimit-rate-match`: the flow's rate is compared, nothing is used up.
    pub rate_match: bool,
    /// `--hashlimit-rate-interval`, seconds over which that rate is taken; 0 where none is.
    pub interval: u32,
    /// `--hashlimit-srcmask`, leading bits of the source; `None` for all.
    pub source_prefix: Option<u8>,
    /// `--hashlimit-dstmask`, leading bits of the destination; `None` for all.
    pub destination_prefix: Option<u8>,
    /// Seconds in the rate's unit, until every option is read; 0 afterwards.
    unit: u32,
}

/// What of a packet names its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HashKey {
    /// `srcip`
    pub source: bool,
    /// `srcport`
    pub source_port: bool,
    /// `dstip`
    pub destination: bool,
    /// `dstport`
    pub destination_port: bool,
}

/// Highest burst of packets (XT_HASHLIMIT_BURST_MAX).
const BURST_MAX: u64 = 1_000_000;
/// Milliseconds between collections, where not said (XT_HASHLIMIT_GCINTERVAL).
const GC_INTERVAL: u32 = 1_000;
/// Bytes of a name, the terminating zero not counted (NAME_MAX of the kernel's struct).
const NAME_MAX: usize = 254;
/// Buckets and entries the kernel gives at most (HASHLIMIT_MAX_SIZE).
const SIZE_MAX: u32 = 1_048_576;

impl Default for Hashlimit {
    fn default() -> Self {
        Self {
            name: String::new(),
            above: false,
            bytes: false,
            average: 0,
            burst: 5,
            key: HashKey::default(),
            size: 0,
            max: 0,
            gc_interval: GC_INTERVAL,
            expire: 0,
            rate_match: false,
            interval: 0,
            source_prefix: None,
            destination_prefix: None,
            unit: 0,
        }
    }
}

impl HashKey {
    /// Words between commas or bars.
    fn parse(text: &str) -> Option<Self> {
        let mut key = Self::default();
        for word in text.split([',', '|']).filter(|word| !word.is_empty()) {
            match word {
                "srcip" => key.source = true,
                "srcport" => key.source_port = true,
                "dstip" => key.destination = true,
                "dstport" => key.destination_port = true,
                _ => return None,
            }
        }
        Some(key)
    }

    fn text(&self, separator: &str) -> String {
        let words = [
            (self.source, "srcip"),
            (self.source_port, "srcport"),
            (self.destination, "dstip"),
            (self.destination_port, "dstport"),
        ];
        let given = words.iter().filter(|(given, _)| *given).map(|(_, word)| *word);
        given.collect::<Vec<_>>().join(separator)
    }
}

fn bad_burst() -> Fault {
    let message =
        format!("bad value for option \"--hashlimit-burst\", or out of range (1-{BURST_MAX}).");
    Fault::usage(message).help("write a number of packets, or of bytes as in `64kb`")
}

impl Hashlimit {
    fn set_rate(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        self.above = (given.option == "hashlimit-above") != given.negated;
        if let Some(cost) = byte_rate(text) {
            (self.bytes, self.average, self.unit) = (true, cost?, BYTE_EXPIRE);
            return Ok(());
        }
        let help = "write packets and a unit, or bytes: `10/second`, `5/minute`, `512kb/s`";
        let rate = packet_rate(text);
        (self.average, self.unit) =
            rate.ok_or_else(|| given.bad_value("hashlimit", given.option).help(help))??;
        Ok(())
    }

    fn parse_burst(text: &str) -> Result<u64, Fault> {
        let (burst, rest) = leading_number(text).filter(|(n, _)| *n > 0).ok_or_else(bad_burst)?;
        if rest.is_empty() && burst > BURST_MAX {
            return Err(bad_burst());
        }
        Ok(burst.wrapping_mul(factor(rest)))
    }

    /// The burst of bytes as seconds' worth.
    fn finish_byte_burst(&mut self) -> Result<(), Fault> {
        let second = cost_to_bytes(self.average);
        if self.burst < second || second == 0 {
            return Err(Fault::usage(format!("burst cannot be smaller than {second}b"))
                .help("a burst holds at least what one second brings"));
        }
        // The tools divide 32 bits of it.
        let whole = u64::from(self.burst as u32) / second;
        self.burst = whole + u64::from(!self.burst.is_multiple_of(second));
        Ok(())
    }

    /// What follows the rate, the same in a saved rule and in a listing but for what stands before
    /// each word.
    fn table_text(&self, prefix: &str, usual_expire: u32) -> String {
        let mut text = String::new();
        let mut push = |name: &str, value: u32, usual: u32| {
            if value != usual {
                text.push_str(&format!(" {prefix}{name} {value}"));
            }
        };
        push("htable-size", self.size, 0);
        push("htable-max", self.max, 0);
        push("htable-gcinterval", self.gc_interval, GC_INTERVAL);
        push("htable-expire", self.expire, usual_expire);
        for (name, length) in
            [("srcmask", self.source_prefix), ("dstmask", self.destination_prefix)]
        {
            if let Some(length) = length {
                text.push_str(&format!(" {prefix}{name} {length}"));
            }
        }
        if self.rate_match {
            text.push_str(&format!(" {prefix}rate-match"));
            if self.interval != 1 {
                text.push_str(&format!(" {prefix}rate-interval {}", self.interval));
            }
        }
        text
    }

    /// Whether the bucket's size in the kernel's credits would not fit into 64 bits.
    fn overflows(&self) -> bool {
        // 2^39 credits in each of 250 ticks of a second, through SCALE: any tick rate gives this.
        const CREDITS: u64 = 137_438_953;
        let credits = |time: u64| time.wrapping_mul(CREDITS);
        credits(self.average.wrapping_mul(self.burst)) < credits(self.average)
    }
}

impl Hashlimit {
    /// What the kernel's own check finds wrong: its error, and what to write instead.
    fn kernel_refusal(&self) -> Option<(&'static str, &'static str)> {
        let out_of_range = |help| Some(("Numerical result out of range", help));
        if let Some(unfit) = unfit_proc_name(&self.name) {
            return Some(unfit);
        }
        if self.gc_interval == 0 || self.expire == 0 {
            return Some(("Invalid argument", "the table's times must be above 0"));
        }
        if self.source_prefix == Some(u8::MAX) || self.destination_prefix == Some(u8::MAX) {
            return Some(("Invalid argument", "write the mask as a prefix length"));
        }
        match (self.rate_match, self.bytes) {
            (true, _) if self.average == 0 || self.average > u64::from(u32::MAX) => {
                out_of_range("write a higher rate")
            }
            (false, true) if self.average <= 1 => Some(("Invalid argument", "write a lower rate")),
            (false, false) if self.burst == 0 || self.overflows() => {
                out_of_range("write a lower --hashlimit-burst or a higher rate")
            }
            (_, _) => None,
        }
    }
}

impl Words for Hashlimit {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("hashlimit-upto").alias(&["hashlimit"]).negatable().excludes(&["hashlimit-above"]),
            opt("hashlimit-above").negatable().excludes(&["hashlimit-upto"]),
            opt("hashlimit-srcmask"),
            opt("hashlimit-dstmask"),
            opt("hashlimit-burst"),
            opt("hashlimit-htable-size"),
            opt("hashlimit-htable-max"),
            opt("hashlimit-htable-gcinterval"),
            opt("hashlimit-htable-expire"),
            opt("hashlimit-mode"),
            opt("hashlimit-name").required(),
            opt("hashlimit-rate-match").arguments(0),
            opt("hashlimit-rate-interval"),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let number = || {
            let number = given.integer("hashlimit", 0, u64::from(u32::MAX));
            number.map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let length = || {
            let length = prefix(given, given.argument(0), "hashlimit")?;
            Ok(Some(length).filter(|length| *length != given.family.bits()))
        };
        let text = given.argument(0);
        let bad = |help: &str| given.bad_value("hashlimit", given.option).help(help);
        match given.option {
            "hashlimit-upto" | "hashlimit-above" => self.set_rate(given)?,
            "hashlimit-srcmask" => self.source_prefix = length()?,
            "hashlimit-dstmask" => self.destination_prefix = length()?,
            "hashlimit-burst" => self.burst = Self::parse_burst(text)?,
            "hashlimit-htable-size" => self.size = number()?,
            "hashlimit-htable-max" => self.max = number()?,
            "hashlimit-htable-gcinterval" => self.gc_interval = number()?,
            "hashlimit-htable-expire" => self.expire = number()?,
            "hashlimit-mode" => {
                let help = "modes are srcip, srcport, dstip and dstport";
                self.key = HashKey::parse(text).ok_or_else(|| bad(help))?;
            }
            "hashlimit-name" if text.is_empty() => {
                let message = "Argument must have a minimum length of 1 characters\n";
                return Err(Fault::usage(message).help("name the table"));
            }
            "hashlimit-name" => self.name = cut(text, NAME_MAX),
            "hashlimit-rate-match" => self.rate_match = true,
            _ => {
                let seconds = i32::try_from(atoll(text)).ok().filter(|seconds| *seconds > 0);
                let help = "write a number of seconds";
                self.interval = seconds.ok_or_else(|| bad(help))?.cast_unsigned();
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        let given = |option: &str| rule.seen.contains(&option);
        if !given("hashlimit-upto") && !given("hashlimit-above") {
            return Err(Fault::usage("You have to specify --hashlimit")
                .help("add `--hashlimit-upto RATE` or `--hashlimit-above RATE`"));
        }
        let unit = std::mem::take(&mut self.unit);
        let mut expire = unit;
        match (self.bytes, given("hashlimit-burst")) {
            (true, true) => {
                self.finish_byte_burst()?;
                expire = BYTE_EXPIRE_BURST;
            }
            (true, false) => self.burst = 0,
            (false, _) if self.burst > BURST_MAX => return Err(bad_burst()),
            (false, _) => {}
        }
        if !given("hashlimit-htable-expire") {
            self.expire = expire * 1_000;
        }
        if self.rate_match {
            if !self.bytes {
                self.average = self.average.checked_div(u64::from(unit)).unwrap_or(self.average);
            }
            if self.interval == 0 {
                self.interval = if self.bytes { 1 } else { unit };
            }
        }
        self.size = self.size.min(SIZE_MAX);
        self.max = self.max.min(SIZE_MAX);
        Ok(())
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        self.kernel_refusal().map(Objection::from)
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.above { " --hashlimit-above" } else { " --hashlimit-upto" });
        let expire = if self.bytes {
            let (text, expire) = byte_rate_text(self.average, self.burst, "--hashlimit-");
            out.push_str(&text);
            expire
        } else {
            let (text, expire) = packet_rate_text(self.average);
            out.push_str(&format!("{text} --hashlimit-burst {}", self.burst));
            expire
        };
        if self.key != HashKey::default() {
            out.push_str(&format!(" --hashlimit-mode {}", self.key.text(",")));
        }
        out.push_str(&format!(" --hashlimit-name {}", self.name));
        out.push_str(&self.table_text("--hashlimit-", expire));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(if self.above { " limit: above" } else { " limit: up to" });
        let expire = if self.bytes {
            let (text, expire) = byte_rate_text(self.average, self.burst, "");
            out.push_str(&text);
            expire
        } else {
            let period = self.average.wrapping_mul(u64::from(self.interval.max(1)));
            let (text, expire) = packet_rate_text(period);
            out.push_str(&format!("{text} burst {}", self.burst));
            expire
        };
        if self.key != HashKey::default() {
            out.push_str(&format!(" mode {}", self.key.text("-")));
        }
        out.push_str(&self.table_text("", expire));
    }
}
