//! Commands as words: split like a POSIX shell splits them, without a shell's other powers.

/// Splits a command into its program and arguments. Quotes and backslashes are honoured; variables,
/// globs, pipes and redirections are not, and the common ones of them are refused instead of being
/// passed on as words that nobody meant.
pub(crate) fn split(command: &str) -> Result<Vec<String>, String> {
    let words = shell_words::split(command).map_err(|_| "a quote is not closed".to_owned())?;
    if words.first().is_none_or(String::is_empty) {
        return Err("it names no program".to_owned());
    }
    let meant_for_a_shell = words.iter().find(|word| {
        matches!(word.as_str(), "|" | "||" | "&&" | ";" | "&" | ">" | ">>" | "<" | "2>&1")
    });
    match meant_for_a_shell {
        Some(word) => Err(format!(
            "`{word}` is a shell's word, and no shell reads this: use --exec \"sh -c '…'\" if a \
             shell is meant"
        )),
        None => Ok(words),
    }
}

/// Joins words so that [`split`] gives them back.
pub(crate) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    shell_words::join(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, words: &[&str]) {
        assert_eq!(split(command).unwrap(), words, "{command}");
        assert_eq!(split(&join(words.iter().copied())).unwrap(), words);
    }

    #[test]
    fn splits_like_a_shell() {
        check("python3 worker.py", &["python3", "worker.py"]);
        check("  a   b\tc ", &["a", "b", "c"]);
        check("sh -c 'read x; echo \"$x\"'", &["sh", "-c", "read x; echo \"$x\""]);
        check(r#"a "b \"c\" d" e\ f"#, &["a", "b \"c\" d", "e f"]);
        check("a ''", &["a", ""]);
        check("a 'b|c' $HOME *.txt", &["a", "b|c", "$HOME", "*.txt"]);
    }

    #[test]
    fn refuses_what_only_a_shell_understands() {
        for command in ["", "   ", "'' a", "a | b", "a && b", "a > b", "a 'b", "a \"b"] {
            assert!(split(command).is_err(), "{command}");
        }
    }
}
