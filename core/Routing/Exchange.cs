using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Engine;

namespace LowLatency.Core.Routing;

/// <summary>Decides by its bindings where a message goes. Engine thread only.</summary>
internal abstract class Exchange
{
    private readonly HashSet<Binding> _known = new(BindingComparer.Instance);
    private readonly HashSet<Binding>.AlternateLookup<BindingIdentity> _byIdentity;

    private protected Exchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options)
    {
        Id = id;
        Host = host;
        Name = name;
        DisplayName = NameRules.Text(name);
        Options = options;
        _byIdentity = _known.GetAlternateLookup<BindingIdentity>();
    }

    internal uint Id { get; }

    internal VirtualHost Host { get; }

    internal byte[] Name { get; }

    /// <summary>The name for sentences.</summary>
    internal string DisplayName { get; }

    internal ExchangeOptions Options { get; }

    internal ExchangeKind Kind => Options.Kind;

    internal bool Durable => Options.Durable;

    /// <summary>Made with its virtual host: not in the journal by itself, and never deleted alone.</summary>
    internal bool IsBuiltIn { get; init; }

    /// <summary>In the topology's order.</summary>
    internal LinkedListNode<Exchange>? Place { get; set; }

    /// <summary>The newest snapshot that tells of it, or needs not: see BrokerEngine.Snapshot.cs.</summary>
    internal long ToldBy { get; set; }

    /// <summary>End of its definition record; 0 when it is not durable.</summary>
    internal long DefinedAt { get; set; }

    /// <summary>False once deleted: publications that still hold it are told.</summary>
    internal bool Exists { get; set; } = true;

    /// <summary>Bindings from it.</summary>
    internal BindingChain Bindings { get; } = new(ofDestination: false);

    /// <summary>Bindings to it.</summary>
    internal BindingChain BindingsTo { get; } = new(ofDestination: true);

    /// <summary>The walk that met it last: see <see cref="Router"/>.</summary>
    internal long RouteStamp { get; set; }

    /// <summary>Bindings from it that go with what is being removed: see <see cref="RemovalPlan"/>.</summary>
    internal int LosesBindings { get; set; }

    /// <summary>Two messages with one key may go different ways.</summary>
    internal virtual bool DependsOnHeaders => false;

    /// <summary>Tells the router of every binding that matches.</summary>
    internal abstract void Match(Router router, scoped in RoutedMessage message);

    /// <summary>What is wrong with a binding's key or arguments for this kind, as a sentence, or null.</summary>
    internal virtual string? BindingProblem(ReadOnlySpan<byte> key, ReadOnlySpan<byte> arguments) => null;

    internal bool TryFind(BindingIdentity identity, [NotNullWhen(true)] out Binding? binding) => _byIdentity.TryGetValue(identity, out binding);

    /// <summary>Adds a binding that is not there yet.</summary>
    internal void Add(Binding binding)
    {
        _known.Add(binding);
        Bindings.Add(binding);
        (binding.Queue != null ? binding.Queue.Bindings : binding.Exchange!.BindingsTo).Add(binding);
        OnAdded(binding);
    }

    internal void Remove(Binding binding)
    {
        _known.Remove(binding);
        Bindings.Remove(binding);
        (binding.Queue != null ? binding.Queue.Bindings : binding.Exchange!.BindingsTo).Remove(binding);
        OnRemoved(binding);
    }

    private protected abstract void OnAdded(Binding binding);

    private protected abstract void OnRemoved(Binding binding);

    internal static Exchange Create(uint id, VirtualHost host, byte[] name, ExchangeOptions options, bool isBuiltIn = false) => options.Kind switch
    {
        ExchangeKind.Direct => new DirectExchange(id, host, name, options) { IsBuiltIn = isBuiltIn },
        ExchangeKind.Fanout => new FanoutExchange(id, host, name, options) { IsBuiltIn = isBuiltIn },
        ExchangeKind.Topic => new TopicExchange(id, host, name, options) { IsBuiltIn = isBuiltIn },
        ExchangeKind.Headers => new HeadersExchange(id, host, name, options) { IsBuiltIn = isBuiltIn },
        ExchangeKind.ConsistentHash => new ConsistentHashExchange(id, host, name, options) { IsBuiltIn = isBuiltIn },
        _ => throw new InvalidOperationException($"Exchanges of kind {options.Kind} are not made."),
    };
}
