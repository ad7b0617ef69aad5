//! What layers and activations call their outputs, for those who watch them.

use wengert_tensor::Float;

use crate::{Tape, Var};

/// Tells a part of a program from all others that live: its place in memory and, as the first
/// field of a struct is where the struct is, its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    place: usize,
    kind: &'static str,
}

impl Identity {
    /// That of `part`; none if it takes no room and so is nowhere.
    pub fn of<P: ?Sized>(part: &P) -> Option<Self> {
        let place = std::ptr::from_ref(part).cast::<()>().addr();
        (size_of_val(part) > 0).then(|| Self { place, kind: std::any::type_name::<P>() })
    }
}

/// What notes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noter {
    /// A function, its output.
    Activation,
    /// A layer, its output; with what tells it from others.
    Layer(Option<Identity>),
    /// A layer, something else that it found out on the way.
    Inside(Option<Identity>),
}

/// What a layer or an activation noted, on a tape that is watched: see [`Tape::watch`].
#[derive(Clone, Debug)]
pub struct Note<'t, T: Float = f32> {
    /// The type of the layer, the name of the activation, or that of something inside a layer.
    pub kind: String,
    /// Which of these it is.
    pub by: Noter,
    /// What was noted.
    pub var: Var<'t, T>,
    /// The cotangent that arrived there in the latest [`Var::backward`], if one did.
    pub cotangent: Option<Var<'t, T>>,
}

/// A [`Note`] as the tape keeps it.
pub(crate) struct Noted {
    kind: String,
    by: Noter,
    entry: u32,
    cotangent: Option<u32>,
}

impl<T: Float> Tape<T> {
    /// Keeps from now on what layers and activations note, and the cotangents that
    /// [`Var::backward`] finds there. Nothing is kept, and nothing noted, on other tapes.
    ///
    /// ```
    /// use wengert_autograd::{Param, Tape};
    /// use wengert_tensor::tensor;
    ///
    /// let w = Param::<f64>::new("w", tensor![0.0, 1.0]);
    /// let tape = Tape::new();
    /// tape.watch();
    /// (w.on(&tape).tanh() * 3.0).sum(..).backward();
    /// let notes = tape.notes();
    /// assert_eq!((notes.len(), notes[0].kind.as_str()), (1, "tanh"));
    /// assert_eq!(notes[0].cotangent.unwrap().value(), tensor![3.0, 3.0]);
    /// ```
    pub fn watch(&self) {
        self.notes.borrow_mut().get_or_insert_default();
    }

    /// Whether notes are kept.
    pub fn is_watched(&self) -> bool {
        self.notes.borrow().is_some()
    }

    /// What was noted since [`Tape::watch`], in order.
    pub fn notes(&self) -> Vec<Note<'_, T>> {
        let var = |id| Var::new(self, id);
        let note = |noted: &Noted| Note {
            kind: noted.kind.clone(),
            by: noted.by,
            var: var(noted.entry),
            cotangent: noted.cotangent.map(var),
        };
        self.notes.borrow().iter().flatten().map(note).collect()
    }

    /// The variable of an entry; [`Tape::listing`] tells which there are.
    ///
    /// # Panics
    /// If there is no such entry.
    #[track_caller]
    pub fn at(&self, entry: usize) -> Var<'_, T> {
        assert!(entry < self.len(), "at: entry {entry} of a tape of {}", self.len());
        Var::new(self, entry as u32)
    }

    /// The entries that were noted.
    pub(crate) fn noted(&self) -> Vec<u32> {
        self.notes.borrow().iter().flatten().map(|noted| noted.entry).collect()
    }

    /// Keeps what backward found at the entries that were noted.
    pub(crate) fn note_cotangents<'t>(&'t self, found: impl Iterator<Item = Option<Var<'t, T>>>) {
        let mut notes = self.notes.borrow_mut();
        notes.iter_mut().flatten().zip(found).for_each(|(noted, g)| noted.cotangent = g.map(|g| g.id));
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The number of its entry on the tape: [`Tape::at`].
    pub fn entry(self) -> usize {
        self.id as usize
    }

    /// Notes this as `kind` if the tape is watched, in place of whatever was noted from entry `from`
    /// on, and returns it: the last line of an activation of your own. A vjp rule notes nothing.
    ///
    /// ```
    /// use wengert_autograd::{Noter, Tape, Var};
    ///
    /// fn swish(x: Var<'_>) -> Var<'_> {
    ///     let from = x.tape().len();
    ///     (x * x.sigmoid()).noted("swish", Noter::Activation, from)
    /// }
    ///
    /// let tape = Tape::new();
    /// tape.watch();
    /// swish(tape.scalar(1.0));
    /// let kinds: Vec<String> = tape.notes().into_iter().map(|note| note.kind).collect();
    /// assert_eq!(kinds, ["swish"]);
    /// ```
    pub fn noted(self, kind: &str, by: Noter, from: usize) -> Self {
        if let Some(notes) = &mut *self.tape().notes.borrow_mut()
            && self.tape().on_behalf_of.get().is_none()
        {
            notes.retain(|noted| (noted.entry as usize) < from);
            notes.push(Noted { kind: kind.to_owned(), by, entry: self.id, cotangent: None });
        }
        self
    }
}
