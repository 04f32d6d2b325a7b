using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Virtual hosts: rules V1 to V4.
internal sealed unsafe partial class BrokerEngine
{
    private bool OnDeclareVirtualHost(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        string? problem = NameRules.Problem("name of the virtual host", name);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (!TryTakeTable(session, command.Request, ref strings, out ReadOnlySpan<byte> arguments))
            return true;
        bool isPassive = (command.Flags & (uint)QueueFlags.Passive) != 0;
        problem = VirtualHostLimits.Parse(arguments, out VirtualHostLimits? limits);
        if (limits == null && !isPassive)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, problem!);
        if (_topology.TryGetHost(name, out VirtualHost? host))
        {
            string? difference = isPassive ? null : host.Limits.Difference(limits!);
            if (difference != null)
                return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Virtual host '{host.DisplayName}' exists with {difference}: declare it alike, or delete it first.");
            AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, host.DefinedAt, null));
            return true;
        }
        if (isPassive)
            return Fail(session, command.Request, ErrorCode.NotFound, $"Virtual host '{NameRules.Text(name)}' does not exist.");
        if (_topology.HostCount >= _limits.MaxVirtualHosts)
            return Fail(session, command.Request, ErrorCode.LimitReached, $"The broker has {_topology.HostCount} virtual hosts, its limit: delete some.");

        ControlRecord record = HostRecord(new ControlRecord(), _nextHostId, _nextExchangeId, name, arguments);
        if (!TryAppend(RecordType.DefineVirtualHost, 0, record, out bool done, session, command.Request, out long definedAt))
            return done;
        host = ApplyDefineHost(_nextHostId, _nextExchangeId, name.ToArray(), limits!, arguments.ToArray());
        host.DefinedAt = definedAt;
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, definedAt, null));
        return true;
    }

    private static ControlRecord HostRecord(ControlRecord record, uint id, uint firstExchangeId, ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments)
    {
        record.U32(id);
        record.U32(firstExchangeId);
        record.String(name);
        record.Table(arguments);
        return record;
    }

    private VirtualHost ApplyDefineHost(uint id, uint firstExchangeId, byte[] name, VirtualHostLimits limits, byte[] arguments)
    {
        var host = new VirtualHost(id, name, limits, arguments, firstExchangeId);
        _topology.Add(host);
        _nextHostId = Math.Max(_nextHostId, id + 1);
        _nextExchangeId = Math.Max(_nextExchangeId, firstExchangeId + VirtualHost.BuiltInCount);
        return host;
    }

    private bool OnDeleteVirtualHost(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        if (!_topology.TryGetHost(name, out VirtualHost? host))
            return Fail(session, command.Request, ErrorCode.NotFound, $"Virtual host '{NameRules.Text(name)}' does not exist.");
        if (host == _topology.Default)
            return Fail(session, command.Request, ErrorCode.AccessRefused, "Virtual host '/' is always there: delete another one.");
        if (!TryAppend(RecordType.DeleteVirtualHost, 0, IdRecord(host.Id), out bool done, session, command.Request, out long end))
            return done;
        EndSessions(host);
        ApplyDeleteHost(host);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, end, null));
        return true;
    }

    private void EndSessions(VirtualHost host)
    {
        foreach (BrokerQueue queue in host.Queues)
        {
            EndConsumers(queue, sentence: null);
            queue.Waiting.Clear(); // Those that wait for room are in this virtual host, too.
        }
        foreach (Session? session in _sessions)
        {
            if (session != null && session.Host == host && !session.IsFaulted)
                Fault(session, ErrorCode.ConnectionForced, $"Virtual host '{host.DisplayName}' was deleted: connect to another one.");
        }
    }

    /// <summary>One record speaks for all that is in it.</summary>
    private void ApplyDeleteHost(VirtualHost host)
    {
        foreach (BrokerQueue queue in host.Queues.ToArray())
            ApplyDeleteQueue(queue);
        _topology.Remove(host);
    }

    private void ReplayHost(ref ControlRecordReader reader)
    {
        uint id = reader.U32();
        uint firstExchangeId = reader.U32();
        byte[] name = reader.String().ToArray();
        byte[] arguments = reader.Table().ToArray();
        string? problem = VirtualHostLimits.Parse(arguments, out VirtualHostLimits? limits);
        if (limits == null)
            throw UnknownDefinition("virtual host", name, problem);
        ApplyDefineHost(id, firstExchangeId, name, limits, arguments);
    }

    private static InvalidOperationException UnknownDefinition(string what, byte[] name, string? problem) =>
        new($"The journal defines {what} '{NameRules.Text(name)}' in a way that this version does not take: {problem} Use the version that wrote it.");
}
