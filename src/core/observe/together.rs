//! Asking for several things at once: all are asked before the first that is missing ends the work, so that the host
//! looks for them in one round and not one after the other.

use super::Unanswered;

/// Several answers, each there or not.
pub trait Together {
    type Answers;

    /// All of them.
    ///
    /// # Errors
    /// One is not there yet; each has been asked for.
    fn together(self) -> Result<Self::Answers, Unanswered>;
}

macro_rules! together {
    ($($name:ident $answer:ident),*) => {
        impl<$($answer),*> Together for ($(Result<$answer, Unanswered>,)*) {
            type Answers = ($($answer,)*);

            fn together(self) -> Result<Self::Answers, Unanswered> {
                let ($($name,)*) = self;
                Ok(($($name?,)*))
            }
        }
    };
}

together!(a A, b B);
together!(a A, b B, c C);
together!(a A, b B, c C, d D);
together!(a A, b B, c C, d D, e E);
together!(a A, b B, c C, d D, e E, f F);
