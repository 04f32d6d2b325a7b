using System.Reflection;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using Xunit;

namespace LowLatency.Tests.Queues;

/// <summary>Arguments of queues, rule Q7: each is read, and each of a wrong type or value is refused with its name, value and what is allowed.</summary>
public sealed class QueueArgumentsTests
{
    [Fact]
    public void ShouldReadEveryArgument()
    {
        FieldTableWriter table = new FieldTableWriter()
            .Add("x-max-length", 10).Add("x-max-length-bytes", 20L).Add("x-overflow", "dead-letter").Add("x-message-ttl", 30).Add("x-expires", 40)
            .Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "k").Add("x-max-priority", 9).Add("x-single-active-consumer", true)
            .Add("x-delivery-limit", 3).Add("x-redelivery-delay", 50).Add("x-redelivery-delay-max", 60).Add("x-unknown", 1.5);
        QueueOptions options = Read(QueueFlags.Durable | QueueFlags.AutoDelete, table);
        Assert.True(options is { Durable: true, AutoDelete: true, Exclusive: false, SingleActiveConsumer: true });
        Assert.Equal((10, 20, 30, 40), (options.MaxLength, options.MaxBytes, options.MessageTtlMs, options.ExpiresMs));
        Assert.Equal((9, 3, 50, 60), (options.MaxPriority, options.DeliveryLimit, options.RedeliveryDelayMs, options.RedeliveryDelayMaxMs));
        Assert.Equal(OverflowPolicy.DeadLetter, options.Overflow);
        Assert.Equal(""u8.ToArray(), options.DeadLetterExchange);
        Assert.Equal("k"u8.ToArray(), options.DeadLetterRoutingKey);
        Assert.Equal(table.Entries.ToArray(), options.Arguments);
        Assert.Null(options.LastValueKey);
        Assert.Equal("price"u8.ToArray(), Read(0, new FieldTableWriter().Add("x-last-value-key", "price")).LastValueKey);
    }

    [Fact]
    public void ShouldTakeTheBrokersBoundWhereNoneIsNamed()
    {
        Assert.Equal(77, Read(0, new FieldTableWriter()).MaxLength);
        Assert.Equal(long.MaxValue, Read(0, new FieldTableWriter()).MaxBytes);
    }

    [Fact]
    public void ShouldIgnoreDurableOfAnExclusiveQueue() =>
        Assert.True(Read(QueueFlags.Durable | QueueFlags.Exclusive, new FieldTableWriter()) is { Durable: false, Exclusive: true });

    [Theory]
    [InlineData("x-max-length", "-1", "integer of 0 or more")]
    [InlineData("x-max-length", "text", "integer of 0 or more")]
    [InlineData("x-max-length-bytes", "-1", "integer of 0 or more")]
    [InlineData("x-overflow", "text", "drop-head, reject-publish")]
    [InlineData("x-overflow", "1", "drop-head, reject-publish")]
    [InlineData("x-message-ttl", "-1", "integer from 0")]
    [InlineData("x-message-ttl", "void", "integer from 0")]
    [InlineData("x-expires", "0", "integer from 1")]
    [InlineData("x-dead-letter-exchange", "1", "name of an exchange")]
    [InlineData("x-dead-letter-exchange", "long", "at most 255 bytes")]
    [InlineData("x-max-priority", "256", "integer from 0 to 255")]
    [InlineData("x-max-priority", "-1", "integer from 0 to 255")]
    [InlineData("x-single-active-consumer", "1", "boolean")]
    [InlineData("x-delivery-limit", "-1", "integer from 0")]
    [InlineData("x-redelivery-delay", "-1", "integer from 0")]
    [InlineData("x-redelivery-delay-max", "true", "integer from 0")]
    [InlineData("x-last-value-key", "true", "name of a header")]
    public void ShouldNameArgumentValueAndWhatIsAllowed(string name, string value, string allowed)
    {
        var table = new FieldTableWriter();
        _ = value switch
        {
            "text" => table.Add(name, "text"),
            "long" => table.Add(name, new string('a', 256)),
            "true" => table.Add(name, true),
            "void" => table.AddVoid(name),
            _ => table.Add(name, int.Parse(value)),
        };
        string problem = Problem(table);
        Assert.Contains(name, problem, StringComparison.Ordinal);
        Assert.Contains(value == "long" ? "256 bytes" : value, problem, StringComparison.Ordinal);
        Assert.Contains(allowed, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldRefuseADeadLetterKeyWithoutAnExchange() =>
        Assert.Contains("x-dead-letter-exchange", Problem(new FieldTableWriter().Add("x-dead-letter-routing-key", "k")), StringComparison.Ordinal);

    [Fact]
    public void ShouldRefuseLastValuesBesidePriorities() =>
        Assert.Contains("x-max-priority", Problem(new FieldTableWriter().Add("x-last-value-key", "").Add("x-max-priority", 1)), StringComparison.Ordinal);

    [Fact]
    public void ShouldNameTheFirstDifference()
    {
        QueueOptions options = Read(QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 5));
        Assert.Null(QueueArguments.Difference(options, Read(QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 5L).Add("x-mine", 1))));
        Assert.Equal("x-max-length = 5, not 6", QueueArguments.Difference(options, Read(QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 6).Add("x-expires", 1))));
        Assert.Equal("durable = true, not false", QueueArguments.Difference(options, Read(0, new FieldTableWriter().Add("x-max-length", 6))));
        Assert.Equal("x-max-priority = none, not 3", QueueArguments.Difference(options, Read(QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 5).Add("x-max-priority", 3))));
    }

    [Fact]
    public void ShouldCompareEveryOption()
    {
        // A new option that the comparison forgets would be a silent difference.
        QueueOptions plain = Read(0, new FieldTableWriter());
        foreach (PropertyInfo property in typeof(QueueOptions).GetProperties(BindingFlags.Instance | BindingFlags.NonPublic))
        {
            if (property.Name is "EqualityContract" or nameof(QueueOptions.Arguments) || !property.CanWrite)
                continue;
            QueueOptions other = plain with { };
            object value = property.PropertyType == typeof(bool) ? true
                : property.PropertyType == typeof(long) ? 123L
                : property.PropertyType == typeof(int) ? 12
                : property.PropertyType == typeof(OverflowPolicy) ? OverflowPolicy.Block
                : "x"u8.ToArray();
            property.SetValue(other, value);
            Assert.True(QueueArguments.Difference(plain, other) != null, property.Name);
        }
    }

    private static QueueOptions Read(QueueFlags flags, FieldTableWriter table)
    {
        Assert.Null(QueueArguments.Parse(flags, table.Entries, 77, out QueueOptions? options));
        return options!;
    }

    private static string Problem(FieldTableWriter table)
    {
        string? problem = QueueArguments.Parse(0, table.Entries, 77, out QueueOptions? options);
        Assert.Null(options);
        return problem!;
    }
}
