namespace LowLatency.Bench.Workloads;

/// <summary>Ends a run in which nothing moves any more.</summary>
internal struct StallGuard(BenchClient client)
{
    private const long LimitNs = 15_000_000_000;

    private long _progress = -1;
    private long _deadlineNs;

    /// <exception cref="BenchException">No message was received or confirmed for 15 seconds, or something was wrong.</exception>
    internal void Check(long nowNs)
    {
        long progress = client.Confirmed + client.Verifier.Received + client.Published;
        if (progress != _progress)
        {
            _progress = progress;
            _deadlineNs = nowNs + LimitNs;
        }
        else if (nowNs > _deadlineNs || client.Fault is not null)
        {
            throw new BenchException($"nothing moves: {client.Published} published, {client.Confirmed} confirmed, "
                + $"{client.Verifier.Received} received. {client.Fault}");
        }
    }
}
