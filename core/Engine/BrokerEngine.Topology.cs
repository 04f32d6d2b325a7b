using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// What declaring, binding and deleting share. Control plane: allocates. A durable definition is answered when it is on disk.
internal sealed unsafe partial class BrokerEngine
{
    private uint _nextHostId = 1;
    private uint _nextQueueId = 1;
    private uint _nextExchangeId = Topology.FirstFreeExchangeId;
    private long _lastDefinition;

    /// <summary>Names that begin so are the broker's own.</summary>
    private static ReadOnlySpan<byte> ReservedPrefix => "amq."u8;

    /// <summary>Takes a table off the front and checks it; answers when it is malformed.</summary>
    private bool TryTakeTable(Session session, uint request, ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> table)
    {
        table = TakeTable(ref rest);
        if (FieldTableReader.IsValid(table))
            return true;
        Fail(session, request, ErrorCode.MalformedHeaders, "The arguments are not a valid field table: send entries as AMQP 0-9-1 has them, names in UTF-8.");
        return false;
    }

    /// <summary>Another connection has the queue for itself, or it is no user's; answers then. Rules Q2 and C14.</summary>
    private bool IsLocked(Session session, uint request, BrokerQueue queue)
    {
        if (queue.IsReplyTo)
            return Fail(session, request, ErrorCode.AccessRefused, $"'{queue.DisplayName}' is a direct reply-to address: nobody uses it but by publishing to it.");
        if (queue.Owner == null || queue.Owner == session.Connection)
            return false;
        Fail(session, request, ErrorCode.ResourceLocked, $"Queue '{queue.DisplayName}' is exclusive to another connection: use one of your own.");
        return true;
    }

    /// <summary>Finds a queue that this session may use; answers when it cannot.</summary>
    private BrokerQueue? FindQueue(Session session, uint request, ReadOnlySpan<byte> name, string hint = "")
    {
        if (!session.Host.TryGetQueue(name, out BrokerQueue? queue))
        {
            Fail(session, request, ErrorCode.NotFound, $"Queue '{NameRules.Text(name)}' does not exist{In(session.Host)}{hint}.");
            return null;
        }
        return IsLocked(session, request, queue) ? null : queue;
    }

    private static string In(VirtualHost host) => host.Id == 0 ? "" : $" in virtual host '{host.DisplayName}'";

    /// <summary>Appends a definition record, or answers why it cannot be.</summary>
    /// <param name="done">When the result is false: the request was answered (true), or the journal is not ready and the command must come again (false).</param>
    /// <param name="session">Whom to answer; null when nobody asked.</param>
    /// <param name="end">End of the record: durable up to here makes the definition durable.</param>
    private bool TryAppend(RecordType type, uint streamId, ControlRecord record, out bool done, Session? session, uint request, out long end)
    {
        done = true;
        if (TryAppend(type, streamId, record, out AppendStatus status, out end))
            return true;
        done = FailAppend(status, session, request);
        return false;
    }

    private bool TryAppend(RecordType type, uint streamId, ControlRecord record, out AppendStatus status, out long end)
    {
        status = AppendStatus.Appended;
        end = 0;
        if (_durableLog == null)
            return true;
        byte* body = _durableLog.TryClaim(type, streamId, record.Span.Length, out _, out status);
        if (body == null)
            return false;
        record.Span.CopyTo(new Span<byte>(body, record.Span.Length));
        _durableLog.Commit();
        end = _durableLog.Tail;
        _lastDefinition = end;
        return true;
    }

    /// <returns>False when the journal is preparing its next segment and the command must come again; otherwise it was answered.</returns>
    private bool FailAppend(AppendStatus status, Session? session, uint request)
    {
        if (status == AppendStatus.NotReady)
            return false;
        if (session != null && status == AppendStatus.NoSpace)
            Fail(session, request, ErrorCode.DiskFull, "The journal's disk is full: free space, the broker goes on by itself.");
        else if (session != null)
            Fail(session, request, ErrorCode.JournalFailed, "The journal failed and keeps nothing new until the broker is restarted: see the broker's log.");
        return true;
    }
}
