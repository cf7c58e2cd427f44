//! The uniform block of a kernel.

/// Words of a parameter struct in order, with the names of its members; tests compare them with the shader's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    words: Vec<u32>,
    members: Vec<(&'static str, usize)>,
}

impl Parameters {
    /// A whole number.
    #[must_use]
    pub(crate) fn count(self, name: &'static str, value: u32) -> Self {
        self.words(name, &[value])
    }

    /// A number.
    #[must_use]
    pub(crate) fn number(self, name: &'static str, value: f32) -> Self {
        self.words(name, &[value.to_bits()])
    }

    /// Words that one member holds; four of them are a vector and begin at a multiple of four.
    #[must_use]
    pub(crate) fn words(mut self, name: &'static str, words: &[u32]) -> Self {
        self.members.push((name, self.words.len()));
        self.words.extend_from_slice(words);
        self
    }

    /// Everything of another block behind this one.
    #[must_use]
    pub(crate) fn and(mut self, other: &Self) -> Self {
        let begin = self.words.len();
        self.members.extend(other.members.iter().map(|(name, at)| (*name, begin + at)));
        self.words.extend_from_slice(&other.words);
        self
    }

    /// Changes a member of one word; where there is none of this name nothing happens.
    pub(crate) fn set(&mut self, name: &str, value: u32) {
        if let Some((_, at)) = self.members.iter().find(|(member, _)| *member == name) {
            self.words[*at] = value;
        }
    }

    /// Names of the members, and the word at which each begins.
    #[cfg(test)]
    pub(crate) fn members(&self) -> &[(&'static str, usize)] {
        &self.members
    }

    /// The bytes of the block, filled up to a multiple of 16.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = bytes_of(&self.words);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        bytes
    }
}

/// Words as the device reads them.
pub(crate) fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_follow_one_another() {
        let tail = Parameters::default().words("strides", &[1, 2, 3, 4]);
        let mut block = Parameters::default().count("first", 7).number("scale", 1.0).and(&tail);
        block.set("first", 8);
        block.set("absent", 9);
        assert_eq!(block.members(), [("first", 0), ("scale", 1), ("strides", 2)]);
        assert_eq!(block.bytes()[..8], [8, 0, 0, 0, 0, 0, 0x80, 0x3f]);
        assert_eq!(block.bytes().len(), 32);
    }
}
