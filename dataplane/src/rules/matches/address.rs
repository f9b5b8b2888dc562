//! `-s` and `-d`: addresses under any mask, contiguous or not.

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Masked {
    bits: u128,
    mask: u128,
    invert: bool,
}

impl Masked {
    fn new<A: Address>(address: A, mask: A, invert: bool) -> Self {
        Self { bits: address.to_bits() & mask.to_bits(), mask: mask.to_bits(), invert }
    }
    fn holds<A: Address>(self, address: A) -> bool {
        (address.to_bits() & self.mask == self.bits) != self.invert
    }
    fn prefix<A: Address>(self) -> Option<(u128, u32)> {
        let unused = u128::BITS - 8 * A::SIZE as u32;
        (!self.invert).then_some((self.bits, (self.mask << unused).leading_ones()))
    }
}

macro_rules! end {
    ($(#[$doc:meta])* $name:ident, $field:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<A>(Masked, std::marker::PhantomData<A>);

        impl<A: Address> $name<A> {
            /// An address and the mask of the bits that count.
            #[must_use]
            pub fn new(address: A, mask: A, invert: bool) -> Self {
                Self(Masked::new(address, mask, invert), std::marker::PhantomData)
            }
            /// The address it names, inverted or not, as [`Address::to_bits`] has it, and the bits of it that count.
            pub(in crate::rules) const fn named(&self) -> (u128, u128) {
                (self.0.bits, self.0.mask)
            }
            /// The address it demands, as [`Address::to_bits`] has it, and how many leading bits of that
            /// certainly count; none when inverted.
            pub(in crate::rules) fn prefix(&self) -> Option<(u128, u32)> {
                self.0.prefix::<A>()
            }
        }

        impl<A: Address> Condition<A> for $name<A> {
            fn holds(&self, view: &View<'_, A>) -> bool {
                self.0.holds(view.$field)
            }
            fn depends(&self) -> Depends {
                Depends::Flow
            }
        }
    };
}

end!(
    /// The source address.
    Source, source
);
end!(
    /// The destination address.
    Destination, destination
);
