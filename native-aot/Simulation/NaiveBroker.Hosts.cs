using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Virtual hosts (rules V1 to V4).</content>
internal sealed partial class NaiveBroker
{
    private static readonly string[] LimitNames = ["max-queues", "max-exchanges", "max-bindings", "max-connections"];

    private void OnDeclareVirtualHost(NaiveSession session, DeclareVirtualHost command)
    {
        if (_state.Hosts.TryGetValue(command.Host, out NaiveVirtualHost? host))
        {
            if (!command.Passive && LimitNames.Any(name => host.Limit(name) != Limit(command.Arguments, name)))
                Fail(session, command.Request, ErrorCode.PreconditionFailed);
            else
                WhenDurable(session, command.Request, EventType.Done, host.DefinedAt);
            return;
        }
        if (command.Passive)
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (_state.Hosts.Count >= limits.MaxVirtualHosts)
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        if (!WasDefined(session, command.Request))
            return;
        _state.Hosts.Add(command.Host, new NaiveVirtualHost(command.Host, command.Arguments) { DefinedAt = Log.Tail });
        WhenDurable(session, command.Request, EventType.Done, Log.Tail);
    }

    private void OnDeleteVirtualHost(NaiveSession session, DeleteVirtualHost command)
    {
        if (!_state.Hosts.TryGetValue(command.Host, out NaiveVirtualHost? host))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (command.Host == "/")
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        if (!WasDefined(session, command.Request))
            return;
        host.Exists = false;
        foreach (NaiveSession other in _sessions.Values.Where(other => other.Host == host && !other.IsFaulted))
            Fault(other, ErrorCode.ConnectionForced);
        foreach (NaiveQueue queue in host.Queues.Values)
            queue.Waiting.Clear();
        foreach (NaiveQueue queue in host.Queues.Values.ToArray())
            Delete(queue, told: false);
        foreach (NaiveExchange exchange in host.Exchanges.Values)
            exchange.Exists = false;
        _state.Hosts.Remove(host.Name);
        WhenDurable(session, command.Request, EventType.Done, Log.Tail);
    }

    private static long Limit(NaiveTable arguments, string name) => arguments.Get(name) is { } value ? Convert.ToInt64(value, null) : long.MaxValue;
}
