namespace LowLatency.Server.Simulation;

/// <content>The engine's queues beside the model's.</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Compares counts, and where asked for every entry.</summary>
    private void CheckQueue(NaiveQueue queue, bool entries)
    {
        EngineQueue? real = _engine.Find(queue.Host, queue.Name);
        Check(real != null, $"Queue {queue.Name} is missing.");
        Check(real!.Ready == queue.ReadyCount && real.Unsettled == queue.UnsettledCount && real.Delayed == queue.DelayedCount && real.Scheduled == queue.Scheduled.Count,
            $"Queue {queue.Name} has {real.Ready} ready, {real.Unsettled} unsettled, {real.Delayed} delayed, {real.Scheduled} scheduled; "
            + $"expected {queue.ReadyCount}, {queue.UnsettledCount}, {queue.DelayedCount}, {queue.Scheduled.Count}. Now is {_nowNs}; {Difference(queue, real)}.");
        Check(real.Next == queue.Next, $"Queue {queue.Name} goes on at {real.Next}, expected {queue.Next}; {Difference(queue, real)}.");
        Check(real.Consumers == queue.Consumers.Count, $"Queue {queue.Name} has {real.Consumers} consumers, expected {queue.Consumers.Count}.");
        if (!entries)
            return;
        foreach (EngineEntry found in real.Entries().Where(found => found.State != NaiveEntryState.Scheduled))
        {
            Check(queue.Entries.TryGetValue(found.Sequence, out NaiveEntry? entry), $"Queue {queue.Name} holds {found}, which the model does not.");
            Check(IsSame(found, entry!), $"Queue {queue.Name} holds {found}, expected {entry}.");
            CheckContent(found.Position, entry!.Message);
        }
    }

    private string Difference(NaiveQueue queue, EngineQueue real)
    {
        Dictionary<long, EngineEntry> found = real.Entries().Where(entry => entry.State != NaiveEntryState.Scheduled).ToDictionary(entry => entry.Sequence);
        IEnumerable<string> missing = queue.Entries.Values.Where(entry => !found.ContainsKey(entry.Sequence)).Select(entry => $"{entry} received {entry.Message.ReceivedNs} expires {queue.ExpiresNs(entry)}");
        IEnumerable<string> more = found.Values.Where(entry => !queue.Entries.ContainsKey(entry.Sequence)).Select(Describe);
        return $"missing: {string.Join("; ", missing.Take(5))}, too much: {string.Join("; ", more.Take(5))}";
    }

    private static bool IsSame(EngineEntry found, NaiveEntry entry) =>
        found.State == entry.State && found.Count == entry.Count && found.Maybe == entry.Maybe
        && found.PayloadLength == entry.Message.PayloadLength && found.IsJournaled == entry.Message.IsJournaled;

    /// <summary>No queue or exchange is there that the model does not know, and none has other bindings.</summary>
    private void CheckTopology()
    {
        string[] queues = [.. _engine.QueueKeys.Select(key => $"{key.Host} {key.Name}").Order(StringComparer.Ordinal)];
        string[] expected = [.. _state.Queues.Select(queue => $"{queue.Host} {queue.Name}").Order(StringComparer.Ordinal)];
        Check(queues.SequenceEqual(expected), $"There are queues {string.Join(", ", queues)}; expected {string.Join(", ", expected)}.");
        var exchanges = _engine.Exchanges.ToDictionary(exchange => (exchange.Host, exchange.Name), exchange => exchange.Bindings.ToArray());
        foreach (NaiveVirtualHost host in _state.Hosts.Values)
        {
            foreach (NaiveExchange exchange in host.Exchanges.Values.Where(exchange => !IsReserved(exchange.Name) || exchange.Bindings.Count > 0))
            {
                Check(exchanges.Remove((host.Name, exchange.Name), out NaiveBinding[]? bindings), $"Exchange {exchange.Name} is missing.");
                Check(bindings!.Length == exchange.Bindings.Count && exchange.Bindings.TrueForAll(binding => bindings.Any(binding.IsSame)),
                    $"Exchange {exchange.Name} has bindings {string.Join<NaiveBinding>("; ", bindings)}; expected {string.Join("; ", exchange.Bindings)}.");
            }
        }
        foreach ((string host, string name) in exchanges.Keys)
            Check(IsReserved(name) && _state.Hosts.ContainsKey(host), $"Exchange {name} of {host} is there and should not be.");
    }
}
