using System.Globalization;
using LowLatency.Core.Metrics;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Demo;

/// <summary>The table at the end of the demo.</summary>
internal static class DemoReport
{
    private static readonly (string Name, double Quantile)[] Quantiles =
        [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1)];

    internal static string Format(DoorResult tcp, DoorResult inProcess, Histogram spinning, Histogram blocking)
    {
        var table = new TextTable("", "over TCP", "in-process", "TCP ping-pong", "ping-pong, blocking");
        table.Add(
            "messages",
            Quantity.Count(tcp.Ledger.Delivered), Quantity.Count(inProcess.Ledger.Delivered), Quantity.Count(spinning.Count), Quantity.Count(blocking.Count));
        table.Add("rate", Rate(tcp), Rate(inProcess));
        table.AddRule();
        foreach ((string name, double quantile) in Quantiles)
        {
            table.Add(
                "latency, one way   " + name,
                Time(tcp.Times.OneWay, quantile), Time(inProcess.Times.OneWay, quantile), Time(spinning, quantile), Time(blocking, quantile));
        }
        table.AddRule();
        foreach ((string name, double quantile) in Quantiles)
        {
            if (name is "p50" or "p99" or "max")
                table.Add("confirm at disk    " + name, Time(tcp.Times.Confirm, quantile), Time(inProcess.Times.Confirm, quantile));
        }
        table.AddRule();
        table.Add("allocated / message, client thread", Allocated(tcp.Times.AllocatedPerMessage), Allocated(inProcess.Times.AllocatedPerMessage));
        table.Add("allocated / message, broker thread", Allocated(tcp.BrokerAllocatedPerMessage), Allocated(inProcess.BrokerAllocatedPerMessage));
        if (tcp.Restart is { } restart)
            AddRestart(table, tcp, restart);
        table.AddRule();
        table.Add("confirmed", Quantity.Count(tcp.Ledger.Confirmed), Quantity.Count(inProcess.Ledger.Confirmed));
        table.Add("lost", Quantity.Count(tcp.Ledger.Lost), Quantity.Count(inProcess.Ledger.Lost));
        table.Add("out of order", Quantity.Count(tcp.Ledger.Reordered), Quantity.Count(inProcess.Ledger.Reordered));
        table.Add("phantoms and unmarked repeats", Quantity.Count(Phantoms(tcp)), Quantity.Count(Phantoms(inProcess)));
        table.Add("redelivered, marked as such", Quantity.Count(tcp.Ledger.Redelivered), Quantity.Count(inProcess.Ledger.Redelivered));
        return table.Format();
    }

    private static void AddRestart(TextTable table, DoorResult tcp, RestartTimes restart)
    {
        table.AddRule();
        table.Add("kill -9 → recovered and listening", Quantity.Duration(restart.ListeningNs));
        table.Add("kill -9 → first confirm", Quantity.Duration(restart.ConfirmNs));
        table.Add("kill -9 → first new delivery", Quantity.Duration(restart.DeliveryNs));
        table.Add("longest wait of an event for its consumer", Quantity.Duration(tcp.Times.OutageOneWay.Max));
        table.Add("unconfirmed when the connection broke", Quantity.Count(restart.Unconfirmed));
        table.Add("sent again, recognised as duplicates", Quantity.Count(restart.Recognised));
    }

    private static long Phantoms(DoorResult door) => door.Ledger.Phantoms + door.Ledger.UnmarkedRepeats;

    private static string Rate(DoorResult door) => Quantity.Rate(door.Ledger.Delivered, TimeSpan.FromMicroseconds(door.ElapsedNs / 1e3));

    private static string Time(Histogram histogram, double quantile)
        => histogram.Count == 0 ? "–" : Quantity.Duration(histogram.ValueAtQuantile(quantile));

    private static string Allocated(double? bytes)
        => bytes == null ? "–" : string.Create(CultureInfo.InvariantCulture, $"{bytes:0.##} B");
}
