//! Which entries become which kernel.
//!
//! Entries are walked in recording order, and each map or reduce joins a *group*, which becomes
//! one loop over a *domain*. Groups run in the order in which they were opened, so an entry may
//! join any group that is not earlier than those of its inputs. A group's values are all either
//! *full* (they vary over the whole domain) or *kept* (constant along the axes that the group's
//! reductions go over); each remembers which axis of the domain each of its own axes is.

use smallvec::SmallVec;
use wengert_tensor::kernel::Reduction;
use wengert_tensor::{Float, Shape};

use super::axes::{Axes, AxisMap, SMALL, blocks_fit, identity, mapped, renamed_axes};
use super::graph::{Entry, Graph};
use crate::Lowering;

/// Where the value of a position comes from.
pub(super) enum Place {
    /// It is there before the run.
    Given,
    /// A number.
    Scalar,
    /// A member of a group.
    Member(AxisMap),
    /// A view that only renames axes of a member of the same group.
    Alias { base: u32, axes: AxisMap },
    /// A view of something in memory.
    View,
    /// An opaque kernel.
    Kernel,
}

/// A loop, or an opaque kernel, in launch order.
pub(super) struct Group {
    /// The members in recording order; a kernel alone is a group of one without a domain.
    pub(super) members: Vec<u32>,
    pub(super) domain: Option<Domain>,
    /// The large values that its members read and that are not of them.
    reads: Vec<u32>,
}

impl Group {
    fn new(domain: Option<Domain>) -> Self {
        Self { members: Vec::new(), domain, reads: Vec::new() }
    }
}

/// The group of what is there before the run.
const GIVEN: u32 = 0;
/// The group of what is made of numbers alone (a gradient of 1 over a count). It runs first, so
/// that nobody has to wait for it.
const NUMBERS: u32 = 1;

pub(super) struct Domain {
    pub(super) shape: Shape,
    /// The axes that the reductions go over, once there is one.
    pub(super) reduced: Option<Axes>,
}

/// How a value is made of a few cheap maps from numbers, small values and at most one large one,
/// all of them in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floating {
    maps: u8,
    /// The large value.
    load: Option<u32>,
    /// The last group that all of it needs.
    needs: u32,
}

/// The outcome: a place for each position and the groups.
pub(super) struct Partition {
    pub(super) places: Vec<Place>,
    /// The group of each position; that of its base for views, 0 for what is given.
    pub(super) group_of: Vec<u32>,
    /// For each position, how it can be made anew by whoever reads it, who need then not come
    /// after its group.
    pub(super) floating: Vec<Option<Floating>>,
    pub(super) groups: Vec<Group>,
}

/// The most maps of which a floating value is made.
const MAX_FLOATING: u8 = 4;

pub(super) fn partition<T: Float>(graph: &Graph<'_, T>, fuse: bool) -> Partition {
    let mut state = Builder {
        graph,
        fuse,
        result: Partition {
            places: Vec::with_capacity(graph.len()),
            group_of: Vec::with_capacity(graph.len()),
            floating: Vec::with_capacity(graph.len()),
            groups: vec![Group::new(None), Group::new(Some(Domain { shape: Shape::scalar(), reduced: None }))],
        },
        levels: Vec::with_capacity(graph.len()),
        recent: Vec::new(),
    };
    for position in 0..graph.len() as u32 {
        state.place(position);
    }
    state.result
}

struct Builder<'a, T: Float> {
    graph: &'a Graph<'a, T>,
    fuse: bool,
    result: Partition,
    /// How many reductions of its own group a member depends on.
    levels: Vec<u32>,
    /// Groups that may still take members, the latest last.
    recent: Vec<u32>,
}

/// How many groups are tried for an entry.
const RECENT: usize = 7;
/// The most reductions of a group that depend on each other: what a phase costs grows with the size
/// of its group, and a deep network would be one group.
const MAX_LEVELS: u32 = 16;

impl<T: Float> Builder<'_, T> {
    fn shape(&self, position: u32) -> &Shape {
        self.graph.shape(position)
    }

    fn place(&mut self, position: u32) {
        let mut floating = None;
        let graph = self.graph;
        let (place, group, level) = match graph.entry(position) {
            Entry::Given => (Place::Given, GIVEN, 0),
            Entry::Number(_) => (Place::Scalar, GIVEN, 0),
            Entry::Op(..) => match graph.lowering(position).expect("of an operation") {
                Lowering::Kernel(_) => {
                    self.result.groups.push(Group { members: vec![position], ..Group::new(None) });
                    (Place::Kernel, self.result.groups.len() as u32 - 1, 0)
                }
                Lowering::View(view) => {
                    let base = self.graph.inputs(position)[0];
                    let group = self.result.group_of[base as usize];
                    let axes = renamed_axes(self.shape(base), |layout| view(layout));
                    let alias = axes.and_then(|axes| self.alias(base, &axes));
                    floating = alias.as_ref().and_then(|_| self.result.floating[base as usize]);
                    (alias.unwrap_or(Place::View), group, self.levels[base as usize])
                }
                Lowering::Map { dear, .. } => {
                    floating = if dear { None } else { self.floating(position) };
                    self.place_in_loop(position, None)
                }
                Lowering::Reduce(reduction, axes) => self.place_in_loop(position, Some((reduction, axes))),
            },
        };
        self.result.floating.push(floating);
        self.result.places.push(place);
        self.result.group_of.push(group);
        self.levels.push(level);
    }

    /// How a map is made anew, if it can be for no more than loading its value would take.
    fn floating(&self, position: u32) -> Option<Floating> {
        let small = (self.shape(position).count() / 16).max(1);
        let mut all = Floating { maps: 1, load: None, needs: GIVEN };
        for &input in self.graph.inputs(position) {
            let of = self.result.floating[input as usize].or_else(|| self.in_memory(input, small))?;
            all.maps += of.maps;
            all.needs = all.needs.max(of.needs);
            all.load = match (all.load, of.load) {
                (Some(one), Some(other)) if one != other => return None,
                (one, other) => one.or(other),
            };
        }
        (self.fuse && all.maps <= MAX_FLOATING).then_some(all)
    }

    /// Loading a value that is in memory before any loop that reads it, if that is so.
    fn in_memory(&self, position: u32, small: usize) -> Option<Floating> {
        let (mut base, group) = (position, self.result.group_of[position as usize]);
        while matches!(self.result.places[base as usize], Place::View | Place::Alias { .. }) {
            base = self.graph.inputs(base)[0];
        }
        let there = group <= NUMBERS || matches!(self.result.places[base as usize], Place::Kernel);
        let load = (self.shape(base).count() > small).then_some(position);
        there.then_some(Floating { maps: 0, load, needs: group })
    }

    /// The group after which an entry's value can be read.
    fn needs(&self, position: u32) -> u32 {
        self.result.floating[position as usize].map_or(self.result.group_of[position as usize], |f| f.needs)
    }

    /// The large value that is read for an input that is not a member.
    fn read_for(&self, input: u32) -> Option<u32> {
        self.result.floating[input as usize].map_or(Some(input), |floating| floating.load)
    }

    /// A view of a member, or of an alias of one, by the axes of `base` that its axes are.
    fn alias(&self, base: u32, axes: &AxisMap) -> Option<Place> {
        let (base, base_axes) = match &self.result.places[base as usize] {
            Place::Member(axes) => (base, axes),
            Place::Alias { base, axes } => (*base, axes),
            _ => return None,
        };
        let axes = axes.iter().map(|axis| axis.and_then(|a| base_axes[a as usize])).collect();
        Some(Place::Alias { base, axes })
    }

    fn place_in_loop(&mut self, position: u32, reduce: Option<(Reduction, &[usize])>) -> (Place, u32, u32) {
        let inputs = self.graph.inputs(position);
        let earliest = inputs.iter().map(|&i| self.needs(i)).max().unwrap_or(GIVEN);
        if self.fuse {
            let number = |&i: &u32| {
                matches!(self.result.places[i as usize], Place::Scalar) || self.result.group_of[i as usize] == NUMBERS
            };
            if reduce.is_none() && self.shape(position).count() == 1 && inputs.iter().all(number) {
                self.result.groups[NUMBERS as usize].members.push(position);
                return (Place::Member(identity(self.shape(position))), NUMBERS, 0);
            }
            let recent = &self.recent[self.recent.len().saturating_sub(RECENT)..];
            let later = recent.iter().copied().filter(|&group| group > earliest);
            let candidates: SmallVec<[u32; RECENT + 1]> = std::iter::once(earliest).chain(later).collect();
            for group in candidates {
                if let Some((axes, level)) = self.fit(position, reduce, group, earliest) {
                    let over = reduce.map(|(_, axes)| mapped(&self.input_axes(position, 0, group), axes));
                    let domain = self.result.groups[group as usize].domain.as_mut().expect("only loops are recent");
                    domain.reduced = over.or(domain.reduced.take());
                    self.join(position, group);
                    return (Place::Member(axes), group, level);
                }
            }
        }
        self.open(position, reduce)
    }

    /// A new group whose domain is the shape of the map, or of the reduction's input.
    fn open(&mut self, position: u32, reduce: Option<(Reduction, &[usize])>) -> (Place, u32, u32) {
        let shape = match reduce {
            Some(_) => self.shape(self.graph.inputs(position)[0]),
            None => self.shape(position),
        };
        let mut axes = identity(shape);
        let mut reduced = reduce.map(|(_, reduced)| mapped(&axes, reduced));
        if let Some((_, all)) = reduce {
            all.iter().for_each(|&axis| axes[axis] = None);
            // Axes of size 1 matter only when there are no others.
            reduced = reduced.map(|r| if r.is_empty() { Axes::from_slice(all) } else { r });
        }
        let domain = Domain { shape: shape.clone(), reduced };
        let group = self.result.groups.len() as u32;
        self.result.groups.push(Group::new(Some(domain)));
        self.join(position, group);
        self.recent.push(group);
        (Place::Member(axes), group, reduce.is_some() as u32)
    }

    fn join(&mut self, position: u32, group: u32) {
        self.result.groups[group as usize].members.push(position);
        for &input in self.graph.inputs(position) {
            let outside = self.result.group_of[input as usize] != group;
            let reads = &self.result.groups[group as usize].reads;
            // Sharing a small value is no reason to join.
            if let Some(read) = self.read_for(input)
                && outside
                && self.shape(read).count() > SMALL
                && !reads.contains(&read)
            {
                self.result.groups[group as usize].reads.push(read);
            }
        }
    }

    /// The axes of an input over the domain of `group`, where it is one of its members.
    fn input_axes(&self, position: u32, k: usize, group: u32) -> AxisMap {
        let input = self.graph.inputs(position)[k] as usize;
        match &self.result.places[input] {
            Place::Member(axes) | Place::Alias { axes, .. } if self.result.group_of[input] == group => axes.clone(),
            _ => identity(self.shape(input as u32)),
        }
    }

    /// Whether an entry can be computed in `group`: its axes over the domain and its level.
    fn fit(
        &self,
        position: u32,
        reduce: Option<(Reduction, &[usize])>,
        group: u32,
        earliest: u32,
    ) -> Option<(AxisMap, u32)> {
        let Group { domain, reads, .. } = &self.result.groups[group as usize];
        let domain = domain.as_ref()?;
        let inputs = self.graph.inputs(position);
        // Large loops that share nothing gain nothing from each other.
        let related = |&input: &u32| {
            let read = self.read_for(input);
            self.result.group_of[input as usize] == group || read.is_some_and(|read| reads.contains(&read))
        };
        if domain.shape.count() > SMALL && !inputs.iter().any(related) {
            return None;
        }
        // What the group itself computes is not in memory yet: it must be read as a member.
        let mut level = 0;
        for &input in inputs {
            if self.result.group_of[input as usize] == group {
                if !matches!(self.result.places[input as usize], Place::Member(_) | Place::Alias { .. }) {
                    return None;
                }
                level = level.max(self.levels[input as usize]);
            }
        }
        if let Some((_, axes)) = reduce {
            let over = self.input_axes(position, 0, group);
            let joins = earliest == group || *self.shape(inputs[0]) == domain.shape;
            // A repeated axis must be counted, which a member that lacks it cannot do.
            let repeats =
                over.iter().zip(self.shape(inputs[0]).iter()).any(|(axis, &size)| axis.is_none() && size != 1);
            let axes_of_domain = domain.shape.iter().filter(|&&size| size != 1).count();
            let full = !repeats && over.iter().flatten().count() == axes_of_domain;
            let reduced = mapped(&over, axes);
            let fits = joins
                && full
                && !reduced.is_empty()
                && level < MAX_LEVELS
                && domain.reduced.as_ref().is_none_or(|have| *have == reduced)
                && (level == 0 || blocks_fit(&domain.shape, &reduced));
            let mut out = over;
            for &axis in axes {
                out[axis] = None;
            }
            return fits.then_some((out, level + 1));
        }
        let axes = self.map_axes(position, group, domain)?;
        let size = |axis: usize| domain.shape[axis] != 1;
        let covered = |axis: usize| axes.contains(&Some(axis as u8));
        let full = (0..domain.shape.len()).all(|axis| !size(axis) || covered(axis));
        let ok = match &domain.reduced {
            None => full,
            Some(reduced) if full => level == 0 || blocks_fit(&domain.shape, reduced),
            Some(reduced) => {
                (0..domain.shape.len()).all(|axis| !size(axis) || covered(axis) != reduced.contains(&axis))
            }
        };
        ok.then_some((axes, level))
    }

    /// The axes of a map's result over the domain, as its members among the inputs dictate;
    /// `None` when they disagree.
    fn map_axes(&self, position: u32, group: u32, domain: &Domain) -> Option<AxisMap> {
        let shape = self.shape(position);
        let mut axes: AxisMap = SmallVec::from_elem(None, shape.len());
        let mut any_member = false;
        for (k, &input) in self.graph.inputs(position).iter().enumerate() {
            if self.result.group_of[input as usize] != group {
                continue;
            }
            any_member = true;
            let given = self.input_axes(position, k, group);
            let new = shape.len() - given.len();
            for (axis, given) in given.into_iter().enumerate() {
                let slot = &mut axes[new + axis];
                match (given, *slot) {
                    (Some(a), Some(b)) if a != b => return None,
                    (Some(_), _) => *slot = given,
                    (None, _) => {}
                }
            }
        }
        if !any_member {
            return (*shape == domain.shape).then(|| identity(shape));
        }
        // Axes that no member dictates come from operands in memory: in place, if they fit.
        if (0..shape.len()).any(|axis| shape[axis] != 1 && axes[axis].is_none()) {
            let in_place = |axis: usize| axes[axis].is_none_or(|a| a as usize == axis);
            if *shape != domain.shape || !(0..shape.len()).all(in_place) {
                return None;
            }
            return Some(identity(shape));
        }
        let mut seen: SmallVec<[bool; 8]> = SmallVec::from_elem(false, domain.shape.len());
        let once = axes.iter().flatten().all(|&a| !std::mem::replace(&mut seen[a as usize], true));
        once.then_some(axes)
    }
}
