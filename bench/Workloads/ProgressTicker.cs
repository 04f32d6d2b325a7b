using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Workloads;

/// <summary>Says once a second how many messages came, from a thread that does nothing else.</summary>
internal sealed class ProgressTicker : IDisposable
{
    private readonly BenchClient _client;
    private readonly Progress _progress;
    private readonly Timer _timer;
    private long _received;
    private long _published;

    internal ProgressTicker(BenchClient client, Progress progress)
    {
        _client = client;
        _progress = progress;
        _timer = new Timer(_ => Tick(), null, 1000, 1000);
    }

    private void Tick()
    {
        long received = _client.Verifier.Received;
        long published = _client.Published;
        _progress.Say($"    {published - _published,12:#,0} published/s {received - _received,12:#,0} received/s");
        _received = received;
        _published = published;
    }

    public void Dispose() => _timer.Dispose();
}
