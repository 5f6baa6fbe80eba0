//! The words of `essaim demo`.

use std::path::PathBuf;

use clap::Args;

/// How the demonstration is to be.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// How many sites; of 3 or 4 one is killed, of 5 and more two
    #[arg(long, value_name = "N", default_value = "5", value_parser = sites)]
    pub sites: usize,
    /// A folder with documents; without it some are made
    #[arg(long, value_name = "DIR")]
    pub documents: Option<PathBuf>,
    /// The folder for the sites, which is made; without it a temporary one
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// How long people go on reading and writing after each blow, in seconds
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Leave the cluster running at the end, and say how to use it
    #[arg(long)]
    pub keep: bool,
    /// Print the figures as JSON, for programs
    #[arg(long)]
    pub json: bool,
}

fn sites(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is not a whole number from 3 to 8");
    let number: usize = text.parse().map_err(|_| wrong())?;
    if (3..=8).contains(&number) { Ok(number) } else { Err(wrong()) }
}
