//! Rights as types: a function that needs a scope of its caller says so in its signature.

use std::{fmt, marker::PhantomData, ops::Deref};

use super::{Caller, Scopes};

/// A right of a caller: one of the types in [`right`](self::right), or two of them together.
pub trait Right: sealed::Sealed + Copy + fmt::Debug + Send + Sync + 'static {
    /// The scopes that a caller needs, all of them.
    const NEEDED: Scopes;
}

mod sealed {
    /// A trait that is implemented in this file alone, so that nobody adds a right that needs nothing.
    pub trait Sealed {}
}

impl<A: Right, B: Right> sealed::Sealed for (A, B) {}

impl<A: Right, B: Right> Right for (A, B) {
    const NEEDED: Scopes = A::NEEDED.and(B::NEEDED);
}

/// The rights, each named as its scope. They are types without values, for signatures only.
pub mod right {
    use super::{Right, Scopes, sealed::Sealed};
    use crate::access::Scope;

    macro_rules! rights {
        ($($name:ident),+ $(,)?) => {
            $(
                #[doc = concat!("The right of [`Scope::", stringify!($name), "`].")]
                #[derive(Clone, Copy, Debug)]
                pub enum $name {}

                impl Sealed for $name {}

                impl Right for $name {
                    const NEEDED: Scopes = Scopes::only(Scope::$name);
                }
            )+
        };
    }

    rights!(OrdersRead, OrdersWrite, ConfigRead, ConfigWrite, PiiRead, Admin);
}

/// The proof that a caller holds the right `R`. Only [`Caller::grant`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a, R> {
    caller: &'a Caller,
    right: PhantomData<R>,
}

/// A [`Granted`] that owns its caller, for a task that outlives the request.
#[derive(Clone, Debug)]
pub struct KeptGrant<R> {
    caller: Caller,
    right: PhantomData<R>,
}

/// The refusal of a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    needed: Scopes,
}

impl Caller {
    /// The proof that the caller holds a right.
    pub fn grant<R: Right>(&self) -> Result<Granted<'_, R>, Lacking> {
        if R::NEEDED.iter().all(|scope| self.may(scope)) {
            Ok(Granted { caller: self, right: PhantomData })
        } else {
            Err(Lacking { needed: R::NEEDED })
        }
    }
}

impl<R: Right> Granted<'_, R> {
    /// A proof that owns its caller, for a task that outlives the request.
    pub fn keep(self) -> KeptGrant<R> {
        KeptGrant { caller: self.caller.clone(), right: PhantomData }
    }
}

impl<R: Right> KeptGrant<R> {
    /// The proof, borrowed for a call.
    pub const fn granted(&self) -> Granted<'_, R> {
        Granted { caller: &self.caller, right: PhantomData }
    }
}

impl<R> Deref for Granted<'_, R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        self.caller
    }
}

impl Lacking {
    /// All scopes that the right needs, those that the caller has among them.
    pub const fn needed(self) -> Scopes {
        self.needed
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the caller lacks a scope: this needs {}", self.needed)
    }
}

impl std::error::Error for Lacking {}

#[cfg(test)]
mod tests {
    use super::{
        super::Scope,
        right::{Admin, ConfigRead, ConfigWrite, OrdersRead, OrdersWrite, PiiRead},
        *,
    };

    /// Asks for a right on behalf of a caller with some scopes.
    type Ask = fn(&Caller) -> Result<(), Lacking>;

    fn ask<R: Right>(caller: &Caller) -> Result<(), Lacking> {
        caller.grant::<R>().map(|granted| assert_eq!(&*granted, caller))
    }

    const RIGHTS: [(Scope, Ask); 6] = [
        (Scope::OrdersRead, ask::<OrdersRead>),
        (Scope::OrdersWrite, ask::<OrdersWrite>),
        (Scope::ConfigRead, ask::<ConfigRead>),
        (Scope::ConfigWrite, ask::<ConfigWrite>),
        (Scope::PiiRead, ask::<PiiRead>),
        (Scope::Admin, ask::<Admin>),
    ];

    fn caller(scopes: impl IntoIterator<Item = Scope>) -> Caller {
        Caller { scopes: scopes.into_iter().collect(), ..Caller::local() }
    }

    #[test]
    fn a_right_is_granted_for_its_scope_and_for_admin() {
        assert_eq!(RIGHTS.map(|(scope, _)| scope), Scope::ALL);
        for (needed, ask) in RIGHTS {
            let lacking = Err(Lacking { needed: Scopes::only(needed) });
            assert_eq!(ask(&caller([])), lacking, "{needed}");
            for given in Scope::ALL {
                let is_enough = given == needed || given == Scope::Admin;
                let expected = if is_enough { Ok(()) } else { lacking };
                assert_eq!(ask(&caller([given])), expected, "{given} for {needed}");
            }
            let others = Scope::ALL.into_iter().filter(|scope| ![needed, Scope::Admin].contains(scope));
            assert_eq!(ask(&caller(others)), lacking, "all but {needed}");
        }
    }

    #[test]
    fn a_pair_is_granted_for_both_and_for_admin() {
        type Both = (ConfigWrite, PiiRead);
        let both = [Scope::ConfigWrite, Scope::PiiRead];
        for first in Scope::ALL {
            for second in Scope::ALL {
                let given = [first, second];
                let is_enough = given.contains(&Scope::Admin) || both.iter().all(|one| given.contains(one));
                assert_eq!(ask::<Both>(&caller(given)).is_ok(), is_enough, "{first} and {second}");
            }
        }
        let lacking = caller([Scope::PiiRead]).grant::<Both>().unwrap_err();
        assert_eq!(lacking.to_string(), "the caller lacks a scope: this needs config:write and pii:read");
        assert_eq!(lacking.needed().iter().collect::<Vec<_>>(), both);
    }

    #[test]
    fn a_grant_can_be_kept_for_later() {
        let caller = caller([Scope::OrdersWrite]);
        let kept = caller.grant::<OrdersWrite>().unwrap().keep();
        assert_eq!(&*kept.granted(), &caller);
    }
}
