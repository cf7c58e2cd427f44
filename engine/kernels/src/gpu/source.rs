//! The text of kernels.

use std::fmt;

use super::error::KernelError;

/// A kernel as it stands in `shaders/`.
///
/// Its entry point is `main`; binding 0 of group 0 is the uniform block of parameters, bindings 1 and up are storage.
/// Workgroup memory is not cleared before it starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    /// The name of its file.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
    /// How many storage buffers it is bound to.
    pub(crate) buffers: u32,
}

/// What stands in place of the default of a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Constant {
    /// `const NAME = 64u;`
    Count(u32),
    /// `const NAME = true;`
    Switch(bool),
    /// `alias NAME = f16;`
    Type(&'static str),
}

impl fmt::Display for Constant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}u"),
            Self::Switch(on) => write!(formatter, "{on}"),
            Self::Type(name) => formatter.write_str(name),
        }
    }
}

impl Kernel {
    /// The text with constants replaced.
    ///
    /// # Errors
    /// When it has no such constant.
    pub(crate) fn with(&self, constants: &[(&'static str, Constant)]) -> Result<String, KernelError> {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        for (name, value) in constants {
            let keyword = if matches!(value, Constant::Type(_)) { "alias" } else { "const" };
            let begins = format!("{keyword} {name} = ");
            let line = lines.iter_mut().find(|line| line.starts_with(&begins) && line.ends_with(';'));
            *line.ok_or(KernelError::Constant { kernel: self.name, name })? = format!("{begins}{value};");
        }
        if constants.iter().any(|(_, value)| *value == Constant::Type("f16")) {
            lines.insert(0, "enable f16;".to_owned());
        }
        Ok(lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: Kernel =
        Kernel { name: "toy", text: "// Toy.\nconst WIDTH = 64u;\nalias Elem = f32;\nconst ON = false;", buffers: 0 };

    #[test]
    fn constants_are_replaced_and_nothing_else() {
        let constants =
            [("WIDTH", Constant::Count(80)), ("Elem", Constant::Type("f16")), ("ON", Constant::Switch(true))];
        let text = KERNEL.with(&constants).expect("all are there");
        assert_eq!(text, "enable f16;\n// Toy.\nconst WIDTH = 80u;\nalias Elem = f16;\nconst ON = true;");
        assert_eq!(KERNEL.with(&[]).expect("nothing to do"), KERNEL.text);
    }

    #[test]
    fn an_unknown_constant_is_an_error() {
        let error = KERNEL.with(&[("HEIGHT", Constant::Count(1))]).expect_err("there is none");
        assert_eq!(error.to_string(), "the kernel toy has no constant HEIGHT that could be replaced");
    }
}
