namespace LowLatency.Client;

/// <summary>The calendar as Unix time in nanoseconds. Any thread.</summary>
internal static class ClientClock
{
    private const long NsPerTick = 100;

    internal static long UnixNs => (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * NsPerTick;
}
