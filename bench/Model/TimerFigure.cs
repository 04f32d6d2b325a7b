using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;

namespace LowLatency.Bench.Model;

/// <summary>What a turn of the engine costs while many messages wait for their time and none has come.</summary>
internal static class TimerFigure
{
    private const int Batch = 64;
    private const long HourMs = 3600 * 1000;

    internal static IEnumerable<Figure> Measure(ModelOptions options)
    {
        var scheduled = new ContentHeaderBuilder();
        scheduled.Headers.Add("x-delay", HourMs);
        yield return Tick(options, "scheduled", scheduled.Build().ToArray());
        yield return Tick(options, "expiring", new ContentHeaderBuilder().Expiration(HourMs).Build().ToArray());
    }

    private static Figure Tick(ModelOptions options, string what, byte[] headers)
    {
        using var broker = new ModelBroker(options.DataFolder);
        broker.DeclareQueue("queue");
        uint publication = broker.OpenPublication("", "queue");
        byte[] body = new byte[16];
        options.Progress.Say($"  {options.Timed:#,0} {what} messages …");
        for (int sent = 0; sent < options.Timed; sent++)
        {
            broker.Publish(publication, default, headers, body);
            if (sent % Batch == Batch - 1)
                broker.Step();
        }
        broker.WaitForConfirms(publication);
        BrokerEngine engine = broker.Core.Engine;
        double tickNs = Rounds.Median(options, () =>
        {
            int ticks = options.RoundLength;
            long start = MonotonicClock.NowNs;
            for (int i = 0; i < ticks; i++)
            {
                engine.BeginBatch(UnixClock.NowNs());
                engine.EndBatch();
            }
            return (MonotonicClock.NowNs - start) / (double)ticks;
        });
        return new("timers", $"a turn of the engine with nothing due, {options.Timed:#,0} {what} messages", tickNs, "ns", 1000);
    }
}
