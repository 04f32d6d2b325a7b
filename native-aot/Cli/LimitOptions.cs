using System.CommandLine;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Cli;

/// <summary>The limits of a broker as options of the command line.</summary>
internal sealed class LimitOptions
{
    /// <summary>Largest body length that a broker can be told to allow.</summary>
    internal const int LargestBodyLength = 64 * 1024 * 1024;

    private const long MiB = 1024 * 1024;

    private readonly List<(Setting<long> Option, Func<BrokerLimits, long, BrokerLimits> Set)> _limits = [];

    internal LimitOptions()
    {
        var defaults = new BrokerLimits();
        Number("--max-sessions", "Open connections.", defaults.MaxSessions, 1, 65_536, (limits, value) => limits with { MaxSessions = (int)value });
        Number("--max-publications", "Open publications of one connection.", defaults.MaxPublicationsPerSession, 1, 65_536, (limits, value) => limits with { MaxPublicationsPerSession = (int)value });
        Number("--max-subscriptions", "Open subscriptions of one connection.", defaults.MaxSubscriptionsPerSession, 1, 65_536, (limits, value) => limits with { MaxSubscriptionsPerSession = (int)value });
        Number("--max-queues", "Queues.", defaults.MaxQueues, 1, 10_000_000, (limits, value) => limits with { MaxQueues = (int)value });
        Number("--max-exchanges", "Exchanges.", defaults.MaxExchanges, 1, 10_000_000, (limits, value) => limits with { MaxExchanges = (int)value });
        Number("--max-bindings", "Bindings.", defaults.MaxBindings, 1, 100_000_000, (limits, value) => limits with { MaxBindings = (int)value });
        Number("--max-publishers", "Named publishers whose sequence is remembered.", defaults.MaxPublishers, 1, 10_000_000, (limits, value) => limits with { MaxPublishers = (int)value });
        Number("--max-queue-length", "Messages of a queue whose declaration says nothing.", defaults.DefaultQueueLength, 1, 10_000_000_000, (limits, value) => limits with { DefaultQueueLength = value });
        Number("--max-window", "Unconfirmed messages of a publication.", defaults.MaxWindow, 1, 65_536, (limits, value) => limits with { MaxWindow = (int)value });
        Number("--max-credit", "Unsettled deliveries of a subscription.", defaults.MaxCreditMessages, 1, 65_536, (limits, value) => limits with { MaxCreditMessages = (int)value });
        Size("--max-body-length", "Body of one message.", defaults.MaxBodyLength, 1, LargestBodyLength, (limits, value) => limits with { MaxBodyLength = (int)value });
        Size("--max-transient-bytes", "Memory for messages at level memory.", defaults.MaxTransientBytes, MiB, 1L << 40, (limits, value) => limits with { MaxTransientBytes = value });
        Ring("--ingress-capacity", "Ring of commands into the engine, a power of two.", defaults.IngressCapacity, (limits, value) => limits with { IngressCapacity = (int)value });
        Ring("--egress-capacity", "Ring of events out of the engine, for each I/O thread, a power of two.", defaults.EgressCapacity, (limits, value) => limits with { EgressCapacity = (int)value });
        Size("--send-buffer", "Bytes that wait to be sent on one connection.", defaults.SendBufferLength, 4096, 1L << 30, (limits, value) => limits with { SendBufferLength = (int)value });
        Number("--engine-batch", "Commands that the engine takes at a time.", defaults.EngineBatch, 1, 65_536, (limits, value) => limits with { EngineBatch = (int)value });
        Number("--handshake-timeout-ms", "Time for the first frame of a connection.", defaults.HandshakeTimeoutMs, 10, 600_000, (limits, value) => limits with { HandshakeTimeoutMs = (int)value });
        Number("--heartbeat-ms", "Longest heartbeat interval agreed with a client.", defaults.HeartbeatMs, 100, 600_000, (limits, value) => limits with { HeartbeatMs = (int)value });
    }

    /// <summary>Adds all of them to a command.</summary>
    internal void AddTo(Command command)
    {
        foreach ((Setting<long> option, _) in _limits)
            command.Options.Add(option);
    }

    /// <summary>The limits of a parsed command line.</summary>
    internal BrokerLimits Read(ParseResult parsed)
    {
        var limits = new BrokerLimits();
        foreach ((Setting<long> option, Func<BrokerLimits, long, BrokerLimits> set) in _limits)
            limits = set(limits, option.Read(parsed));
        return limits;
    }

    private void Number(string name, string description, long defaultValue, long minimum, long maximum, Func<BrokerLimits, long, BrokerLimits> set)
        => _limits.Add((Parsers.Number(name, description, defaultValue, minimum, maximum), set));

    private void Size(string name, string description, long defaultValue, long minimum, long maximum, Func<BrokerLimits, long, BrokerLimits> set)
        => _limits.Add((Parsers.Bytes(name, description, defaultValue, minimum, maximum), set));

    private void Ring(string name, string description, long defaultValue, Func<BrokerLimits, long, BrokerLimits> set)
        => _limits.Add((Parsers.Bytes(name, description, defaultValue, 64 * 1024, 1 << 30, isPowerOfTwo: true), set));
}
