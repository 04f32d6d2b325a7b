using LowLatency.Bench.Reports;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;

namespace LowLatency.Bench.Brokers;

/// <summary>Sits beside the engine on its thread and notes what that thread allocates while messages flow.</summary>
/// <remarks>Counts between <see cref="Begin"/> and <see cref="End"/>, which any thread calls while nothing is under way.</remarks>
internal sealed class EngineThreadMeter(BrokerCore core) : IAgent
{
    private const int LookIntervalMs = 10;

    private long _nextLookMs;
    private long _messages;
    private long _bytes;
    private long _beginMessages = -1;
    private long _beginBytes;

    public string Name => "engine thread meter";

    /// <summary>Managed bytes allocated by the thread for each message that came in, or null before <see cref="End"/>.</summary>
    internal double? BytesPerMessage { get; private set; }

    public int DoWork()
    {
        long nowMs = Environment.TickCount64;
        if (nowMs >= _nextLookMs)
        {
            _nextLookMs = nowMs + LookIntervalMs;
            Volatile.Write(ref _bytes, GC.GetAllocatedBytesForCurrentThread());
            Volatile.Write(ref _messages, core.Engine.PublishedCount); // Release: the bytes were stored before.
        }
        return 0;
    }

    internal void Begin()
    {
        _beginMessages = Volatile.Read(ref _messages);
        _beginBytes = Volatile.Read(ref _bytes);
    }

    internal void End()
    {
        long messages = Volatile.Read(ref _messages) - _beginMessages;
        BytesPerMessage = _beginMessages < 0 || messages <= 0 ? null : Quantiles.Round((double)(Volatile.Read(ref _bytes) - _beginBytes) / messages);
    }
}
