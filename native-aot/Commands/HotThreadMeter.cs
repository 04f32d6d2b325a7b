using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Server.Demo;

namespace LowLatency.Server.Commands;

/// <summary>Sits beside the engine on its thread and notes what the thread allocates while messages flow.</summary>
/// <remarks>
/// Counting begins a second after the first message, when connections are made and pools are filled, and ends with the last
/// look at which messages had come: closing connections is not part of it. <see cref="Read"/> when the thread has ended.
/// </remarks>
internal sealed class HotThreadMeter : IAgent
{
    private const int LookIntervalMs = 20;
    private const int WarmUpMs = 1000;

    private readonly BrokerCore _core;
    private long _nextLookMs;
    private long _firstMessageMs;
    private Look _begin;
    private Look _end;

    internal HotThreadMeter(BrokerCore core) => _core = core;

    public string Name => "hot-thread meter";

    public int DoWork()
    {
        long nowMs = Environment.TickCount64;
        if (nowMs >= _nextLookMs)
        {
            _nextLookMs = nowMs + LookIntervalMs;
            TakeLook(nowMs);
        }
        return 0;
    }

    /// <summary>The figures.</summary>
    internal BrokerStats Read()
    {
        long messages = _end.Messages - _begin.Messages;
        return new BrokerStats(_core.Engine.PublishedCount, _core.Engine.DeliveredCount, _core.Engine.DuplicateCount)
        {
            AllocatedPerMessage = messages > 0 ? (_end.AllocatedBytes - _begin.AllocatedBytes) / (double)messages : null,
        };
    }

    private void TakeLook(long nowMs)
    {
        long messages = _core.Engine.PublishedCount;
        if (messages == _end.Messages)
            return;
        if (_firstMessageMs == 0)
            _firstMessageMs = nowMs;
        _end = new Look(messages, GC.GetAllocatedBytesForCurrentThread());
        if (nowMs - _firstMessageMs < WarmUpMs)
            _begin = _end;
    }

    private readonly record struct Look(long Messages, long AllocatedBytes);
}
