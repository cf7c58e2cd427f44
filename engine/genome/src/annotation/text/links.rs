//! Who is whose parent.

/// The parents of each node, by number.
pub(super) type Links = Vec<Vec<usize>>;

/// Takes the parents from nodes that are their own ancestors, so that no chain leads back to where it began.
///
/// Gives the nodes that lost them.
pub(super) fn break_cycles(links: &mut Links) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        /// On the chain that is followed.
        Open,
        Done,
    }
    let mut seen = vec![Seen::Not; links.len()];
    let mut cyclic = Vec::new();
    // Not by recursion: a file may nest as deep as it likes.
    let mut chain: Vec<(usize, usize)> = Vec::new();
    for start in 0..links.len() {
        if seen[start] == Seen::Not {
            seen[start] = Seen::Open;
            chain.push((start, 0));
        }
        while let Some((node, next)) = chain.last_mut() {
            let Some(&parent) = links[*node].get(*next) else {
                seen[*node] = Seen::Done;
                chain.pop();
                continue;
            };
            *next += 1;
            match seen[parent] {
                Seen::Done => {}
                Seen::Not => {
                    seen[parent] = Seen::Open;
                    chain.push((parent, 0));
                }
                Seen::Open => cyclic.extend([*node, parent]),
            }
        }
    }
    cyclic.sort_unstable();
    cyclic.dedup();
    for &index in &cyclic {
        links[index].clear();
    }
    cyclic
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_circle_is_cut_and_a_chain_is_not() {
        let mut links = vec![vec![1], vec![2], vec![], vec![4], vec![3], vec![5], vec![3]];
        assert_eq!(break_cycles(&mut links), [3, 4, 5]);
        assert_eq!(links, [vec![1], vec![2], vec![], vec![], vec![], vec![], vec![3]]);
    }

    #[test]
    fn deep_chains_are_followed() {
        let mut links: Links = (0..200_000).map(|index| vec![(index + 1) % 200_000]).collect();
        assert_eq!(break_cycles(&mut links).len(), 2, "one circle of all");
    }

    proptest! {
        #[test]
        fn no_chain_leads_back(links in prop::collection::vec(prop::collection::vec(0_usize..8, 0..4), 8)) {
            let mut links = links;
            break_cycles(&mut links);
            prop_assert!(break_cycles(&mut links.clone()).is_empty(), "nothing is left: {:?}", links);
        }
    }
}
