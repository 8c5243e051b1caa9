//! Command-line arguments: `--name value`, in any order.

/// What was given on the command line.
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Reads pairs of a name and a value.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut pairs = Vec::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("`{word}` is no option"))?;
            let value = words.next().ok_or_else(|| format!("`{word}` has no value"))?;
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// The value of an option that has to be given.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        self.all(name).last().ok_or_else(|| format!("`--{name}` is missing"))
    }

    /// The number of an option, or another one where it is not given.
    pub fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.all(name).last() {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("`--{name} {text}` is no number")),
        }
    }

    /// Every value of an option.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The headers that each request carries, as lines of a request.
    pub fn headers(&self) -> String {
        self.all("header").map(|header| format!("{header}\r\n")).collect()
    }

    /// Host with port, and path, of the URL.
    pub fn url(&self) -> Result<(&str, &str), String> {
        let url = self.text("url")?;
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("`{url}` does not begin with http://"))?;
        Ok(rest.find('/').map_or((rest, "/"), |at| rest.split_at(at)))
    }
}
