//! `essaim invite`.

use admin::model::{Invite, InviteMade, InviteNew, InviteState, List};
use reqwest::Method;

use crate::cli::{Connect, InviteArgs, InviteVerb};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};

const INVITES: &str = "/api/v1/invites";

pub(super) async fn run(args: InviteArgs) -> Result<(), Failure> {
    match args.verb {
        None => make(args.expires, args.witness, &args.connect).await,
        Some(InviteVerb::List(connect)) => list(&connect).await,
        Some(InviteVerb::Revoke { id, connect }) => {
            Client::new(&connect)?.delete(&format!("{INVITES}/{}", segment(&id))).await?;
            super::deleted("invitation", &id, &connect)
        }
    }
}

async fn make(expires_in_seconds: u64, witness: bool, connect: &Connect) -> Result<(), Failure> {
    let new = InviteNew { expires_in_seconds, witness };
    let made: InviteMade = Client::new(connect)?.send_json(Method::POST, INVITES, &new).await?;
    if connect.json {
        return output::json(&made);
    }
    say!("{}", made.token);
    say!("\nOn the new machine type:\n");
    say!("  essaim up --join {} --site-file site.toml", made.token);
    let gets = if witness {
        "learns the names, sizes and times of all that is stored, and votes"
    } else {
        "gets what the cluster's nodes have"
    };
    say!(
        "\nIt is good for one machine, until {}, and shown this once. Whoever has it {gets}: hand it \
         over as you would a password.",
        made.invite.expires
    );
    if witness {
        say!(
            "The machine will be a witness: it votes on the catalog, keeps no data, needs no disk for \
             them and serves no S3."
        );
    }
    let addresses = made.addresses.join(", ");
    if made.only_this_machine {
        say!(
            "\nONLY THIS MACHINE REACHES {addresses}: start this node with --cluster-listen \
             0.0.0.0:8422, or with --cluster-address HOST:PORT if others reach it by another \
             address, and invite again."
        );
    } else {
        say!(
            "The new machine must reach this one at {addresses}; if it is elsewhere, that is set by \
             --cluster-address."
        );
    }
    Ok(())
}

async fn list(connect: &Connect) -> Result<(), Failure> {
    let invites: List<Invite> = Client::new(connect)?.get(INVITES).await?;
    if connect.json {
        return output::json(&invites.items);
    }
    let mut table = Table::new(&["INVITATION", "STATE", "FOR", "MADE", "BY", "EXPIRES", "USED BY"]);
    for invite in invites.items {
        let state = match invite.state {
            InviteState::Open => "open",
            InviteState::Used => "used",
            InviteState::Expired => "expired",
        };
        table.row([
            invite.id,
            state.to_owned(),
            invite.role,
            invite.made,
            invite.made_by,
            invite.expires,
            output::or_dash(invite.used_by.as_deref()),
        ]);
    }
    table.print("no invitation: make one with: essaim invite");
    Ok(())
}
