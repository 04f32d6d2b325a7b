using System.Diagnostics;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Brokers;

/// <summary>The broker that a run measures: started for it and ended after it, unless it runs already.</summary>
internal abstract class BrokerUnderTest : IDisposable
{
    /// <summary>What clients connect to.</summary>
    internal abstract string Address { get; }

    /// <summary>Its process; 0 when it is this one, or not known.</summary>
    internal virtual int ProcessId => 0;

    /// <summary><c>aot</c>, <c>jit</c>, <c>inproc</c> or <c>remote</c>.</summary>
    internal abstract string Kind { get; }

    /// <summary>Whether it and all that it stores goes away with this object.</summary>
    internal virtual bool IsOwn => true;

    /// <summary>Managed bytes allocated per message on its hot threads, by its own count; null until it ended or where it does not say.</summary>
    internal virtual double? AllocBytesPerMessage => null;

    /// <summary>Bytes that it sent for each delivery, and those that they stood for, by its own count; null until it ended, and where compression was not asked for.</summary>
    internal virtual (double Wire, double Frames)? SentBytesPerMessage => null;

    /// <param name="options">Door, idle mode and data folder. The journal goes into a new folder below that.</param>
    internal static BrokerUnderTest Start(RunOptions options) => options.Door switch
    {
        Door.Tcp => ServerProcess.Start(options),
        Door.Inproc => InprocBroker.Start(options),
        Door.Remote => new RemoteBroker(options.Address ?? throw new BenchException("no address to connect to")),
        _ => throw new UnreachableException(),
    };

    /// <summary>The measured phase begins: nothing is under way.</summary>
    internal virtual void OnMeasuring()
    {
    }

    /// <summary>The measured phase is over.</summary>
    internal virtual void OnMeasured()
    {
    }

    /// <summary>Stops it politely, kills it when that does not help, and removes its journal.</summary>
    public abstract void Dispose();
}
