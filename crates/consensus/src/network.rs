//! The half of openraft that talks to other nodes. There are none yet: a site
//! alone is a cluster of one, and whatever is sent elsewhere is refused until
//! `wire` carries it.

use openraft::error::{InstallSnapshotError, RPCError, RaftError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::{AnyError, RaftNetwork, RaftNetworkFactory};

use crate::member::{Member, Seat};
use crate::types::Types;

/// Connects to nobody.
pub(crate) struct Alone;

/// A connection that refuses every call.
pub(crate) struct Refusing(Member);

impl RaftNetworkFactory<Types> for Alone {
    type Network = Refusing;

    async fn new_client(&mut self, target: Member, _seat: &Seat) -> Refusing {
        Refusing(target)
    }
}

impl Refusing {
    fn unreachable(&self) -> Unreachable {
        let target = self.0;
        Unreachable::new(&AnyError::error(format!("node {target} cannot be reached: no network")))
    }
}

type CallError<E = openraft::error::Infallible> = RPCError<Member, Seat, RaftError<Member, E>>;

impl RaftNetwork<Types> for Refusing {
    async fn append_entries(
        &mut self,
        _call: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Member>, CallError> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn install_snapshot(
        &mut self,
        _call: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<Member>, CallError<InstallSnapshotError>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn vote(
        &mut self,
        _call: VoteRequest<Member>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Member>, CallError> {
        Err(RPCError::Unreachable(self.unreachable()))
    }
}
